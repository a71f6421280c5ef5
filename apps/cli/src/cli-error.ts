import type { ExitCode } from "./exit-codes.ts";
import { exitCodes } from "./exit-codes.ts";

export type CliErrorCode =
  "USAGE" | "CONFIG_MISSING" | "CONFIG_INVALID" | "TARGET_UNKNOWN" | "FILE_EXISTS" | "INTERRUPTED";

/** A mistake that the command line can name by itself; everything else comes typed from the packages. */
export class CliError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", { value: "CliError", writable: true, configurable: true });
  }

  readonly code: CliErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: CliErrorCode, message: string, { hint, exitCode, cause }: CliErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.exitCode =
      exitCode ??
      (code.startsWith("CONFIG") || code === "TARGET_UNKNOWN" ? exitCodes.config : exitCodes.usage);
  }
}

interface CliErrorOptions {
  readonly hint?: string | undefined;
  readonly exitCode?: ExitCode | undefined;
  readonly cause?: unknown;
}
