import type { ExitCode } from "../exit-codes.ts";

/** What a command has to say: once for programs, once for people. It is printed in one place. */
export interface CommandResult {
  /** The one JSON document of `--json`. */
  readonly json: object;
  readonly text: string;
  /** Remarks for people that are no part of the answer: they go to standard error. */
  readonly notes?: readonly string[] | undefined;
  /** @default 0 */
  readonly exitCode?: ExitCode | undefined;
}
