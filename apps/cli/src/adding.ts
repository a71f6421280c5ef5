import type { Command } from "commander";
import type { CommandContext } from "./command-context.ts";
import type { CommandResult } from "./output/command-result.ts";

export type Work = (context: CommandContext) => Promise<CommandResult>;

/** How a group of commands joins the command line. */
export interface Adding {
  /** A command with the options that every command has. @param to whose command it is; the program's by default */
  readonly add: (usage: string, summary: string, examples: readonly string[], to?: Command) => Command;
  readonly run: (work: Work) => Promise<void>;
}
