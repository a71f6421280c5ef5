import type { ExitCode } from "../exit-codes.ts";

/** What a command has to say: once for programs, once for people. It is printed in one place. */
export interface CommandResult {
  /** The one JSON document of `--json`. */
  readonly json: unknown;
  readonly text: string;
  /** @default 0 */
  readonly exitCode?: ExitCode | undefined;
}
