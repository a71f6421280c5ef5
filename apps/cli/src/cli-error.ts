import type { ExitCode } from "./exit-codes.ts";

/** What the command line itself can find wrong; everything else comes typed from the packages. */
export type CliErrorCode =
  | "USAGE"
  | "CONFIG_MISSING"
  | "CONFIG_INVALID"
  | "CONFIG_AMBIGUOUS"
  | "CONFIG_ENVIRONMENT"
  | "SNAPSHOT_UNCONFIGURED"
  | "SNAPSHOT_OUTDATED"
  | "PROJECTIONS_UNCONFIGURED"
  | "PROJECTIONS_INVALID"
  | "WORKER_MISSING"
  | "MATERIALIZER_ABSENT"
  | "REPOSITORY_UNKNOWN"
  | "BRANCH_UNKNOWN"
  | "VERSION_UNKNOWN"
  | "TARGET_UNKNOWN"
  | "FILE_EXISTS"
  | "INTERRUPTED";

export interface CliErrorOptions {
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** @default what its code stands for */
  readonly exitCode?: ExitCode | undefined;
  readonly cause?: unknown;
}

export class CliError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", { value: "CliError", writable: true, configurable: true });
  }

  readonly code: CliErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode | undefined;

  constructor(code: CliErrorCode, message: string, { hint, exitCode, cause }: CliErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.exitCode = exitCode;
  }
}
