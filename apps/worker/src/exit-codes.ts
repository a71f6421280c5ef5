import type { WorkerError, WorkerErrorCode } from "./worker-error.ts";

/** What the process ends with; the README and `--help` list them. */
export const exitCodes = {
  /** It was asked to end, and left nothing behind. */
  ok: 0,
  /** The command line is wrong. */
  usage: 2,
  /** The configuration is wrong or absent, or a secret that it names is. */
  config: 3,
  /** Something around refuses: the database, the address, the folder of mirrors, git. */
  environment: 4,
  /** Ending took longer than it may, or a second signal cut it short. */
  drain: 5,
  /** A defect of the worker. */
  defect: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeOfCode: Readonly<Record<WorkerErrorCode, ExitCode>> = {
  CONFIG_MISSING: exitCodes.config,
  CONFIG_AMBIGUOUS: exitCodes.config,
  CONFIG_INVALID: exitCodes.config,
  SECRET_MISSING: exitCodes.config,
  DATABASE_REFUSED: exitCodes.environment,
  SCHEMA_TOO_NEW: exitCodes.environment,
  ADDRESS_UNAVAILABLE: exitCodes.environment,
  MIRRORS_UNWRITABLE: exitCodes.environment,
  GIT_UNUSABLE: exitCodes.environment,
  DRAIN_EXCEEDED: exitCodes.drain,
};

export function exitCodeOf({ code }: WorkerError): ExitCode {
  return exitCodeOfCode[code];
}
