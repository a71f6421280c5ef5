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

const kinds: Readonly<Record<WorkerErrorCode, keyof typeof exitCodes>> = {
  CONFIG_MISSING: "config",
  CONFIG_AMBIGUOUS: "config",
  CONFIG_INVALID: "config",
  SECRET_MISSING: "config",
  DATABASE_REFUSED: "environment",
  SCHEMA_TOO_NEW: "environment",
  ADDRESS_UNAVAILABLE: "environment",
  MIRRORS_UNWRITABLE: "environment",
  GIT_UNUSABLE: "environment",
  DRAIN_EXCEEDED: "drain",
};

export function exitCodeOf({ code }: WorkerError): ExitCode {
  return exitCodes[kinds[code]];
}
