import type { FingerprintErrorCode } from "@headstart/fingerprint";
import type { MaterializerErrorCode } from "@headstart/materializer";
import type { PgSnapshotErrorCode } from "@headstart/pg-snapshot";
import type { ProjectionErrorCode } from "@headstart/projection-bootstrap";
import type { WorkerErrorCode } from "@headstart/worker";
import type { CliErrorCode } from "./cli-error.ts";

/** What the process ends with; the README and `headstart --help` list them. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: a stale snapshot, databases that differ, a template that is absent. */
  negative: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The configuration is wrong or absent, or its inputs cannot be read. */
  config: 3,
  /** Something around is missing or refuses: server, password, right, tool, space. */
  environment: 4,
  /** The work itself failed: build, restore, dump, strip. */
  failed: 5,
  /** A defect of headstart: an error that nobody gave a code. */
  unexpected: 70,
  /** 128 + SIGHUP. */
  hungUp: 129,
  /** 128 + SIGINT. */
  interrupted: 130,
  /** 128 + SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export type ErrorCode =
  | CliErrorCode
  | FingerprintErrorCode
  | MaterializerErrorCode
  | PgSnapshotErrorCode
  | ProjectionErrorCode
  | WorkerErrorCode;

/** Every error code with the exit code it leads to. A code that is missing here does not compile. */
const kinds: Readonly<Record<ErrorCode, keyof typeof exitCodes>> = {
  USAGE: "usage",
  TARGET_UNKNOWN: "usage",
  FILE_EXISTS: "usage",
  NAME_TAKEN: "usage",
  NAME_INVALID: "usage",
  CONFIG_MISSING: "config",
  CONFIG_INVALID: "config",
  CONFIG_AMBIGUOUS: "config",
  CONFIG_ENVIRONMENT: "config",
  SNAPSHOT_UNCONFIGURED: "config",
  PROJECTIONS_UNCONFIGURED: "config",
  PROJECTIONS_INVALID: "config",
  SNAPSHOT_OUTDATED: "failed",
  INTERRUPTED: "interrupted",

  ROOT_MISSING: "config",
  ROOT_INVALID: "config",
  NOTHING_SELECTED: "config",
  LINK_BROKEN: "config",
  LINK_CYCLE: "config",
  FILE_UNREADABLE: "config",
  FILE_UNSETTLED: "config",
  FILE_SPECIAL: "config",
  INPUT_INVALID: "config",
  MANIFEST_INVALID: "failed",

  SERVER_UNREACHABLE: "environment",
  AUTHENTICATION_FAILED: "environment",
  CONNECTION_SETTINGS_INVALID: "config",
  PERMISSION_DENIED: "environment",
  TOO_MANY_CONNECTIONS: "environment",
  DISK_FULL: "environment",
  DATABASE_IN_USE: "environment",
  EXTENSION_MISSING: "environment",
  TOOL_MISSING: "environment",
  TOOL_TOO_OLD: "environment",
  POSTGRES_MISSING: "environment",
  SERVER_START_FAILED: "environment",
  STORE_UNWRITABLE: "environment",
  STORE_READ_ONLY: "config",
  TEMPLATE_ABSENT: "negative",
  SNAPSHOT_MISSING: "negative",
  SNAPSHOT_STALE: "negative",
  SNAPSHOT_TORN: "negative",
  SNAPSHOT_CORRUPT: "negative",
  SNAPSHOT_INCOMPATIBLE: "negative",
  BUILD_FAILED: "failed",
  INPUTS_CHANGED: "failed",
  REQUIREMENT_UNMET: "failed",
  STRIP_FAILED: "failed",
  DEADLINE_EXCEEDED: "failed",
  DUMP_FAILED: "failed",
  RESTORE_FAILED: "failed",
  QUERY_FAILED: "failed",

  PROJECTION_UNKNOWN: "usage",
  OPTION_INVALID: "config",
  LOG_ORDERING_DIFFERS: "config",
  LOG_UNSUITABLE: "config",
  LOG_UNSETTLED: "failed",
  ISOLATION_UNSUITABLE: "failed",
  IDENTITY_UNAVAILABLE: "config",
  PROJECTION_REFUSED: "negative",
  FOREIGN_CLUSTER: "negative",
  ROLLBACK_IMPOSSIBLE: "negative",
  SCHEMA_TOO_NEW: "environment",
  LEASE_HELD: "environment",
  LEASE_LOST: "failed",
  CHECKPOINT_CONFLICT: "failed",
  POSITION_MISSED: "failed",
  POISON_EVENT: "failed",
  ROW_UNDECODABLE: "failed",
  STATE_NOT_PLAIN: "failed",
  READ_NOT_DECLARED: "failed",
  INLINE_MISMATCH: "failed",
  INLINE_FAILED: "failed",
  EVENT_INVALID: "failed",
  VERSION_CONFLICT: "failed",
  APPEND_OUT_OF_ORDER: "failed",
  PROJECTION_NOT_LOADED: "failed",
  NOT_FOLLOWING: "failed",

  WORKER_MISSING: "environment",
  MATERIALIZER_ABSENT: "environment",
  REPOSITORY_UNKNOWN: "usage",
  BRANCH_UNKNOWN: "usage",
  VERSION_UNKNOWN: "usage",
  REPOSITORY_INVALID: "config",
  PROJECTOR_UNKNOWN: "config",
  PROJECTOR_SUPERSEDED: "config",
  REQUEST_UNFINISHED: "failed",
  MESSAGE_INVALID: "usage",
  CONTENT_INVALID: "negative",
  BUILD_CRASHED: "failed",
  GIT_AUTH_FAILED: "environment",
  GIT_RATE_LIMITED: "environment",
  GIT_TRANSIENT: "environment",
  GIT_REFUSED: "config",
  GIT_REF_MISSING: "failed",
  GIT_PATH_MISSING: "failed",
  GIT_CORRUPT: "failed",
  GIT_TOO_LARGE: "failed",
  GIT_ABORTED: "failed",
  SECRET_MISSING: "config",
  DATABASE_REFUSED: "environment",
  ADDRESS_UNAVAILABLE: "environment",
  MIRRORS_UNWRITABLE: "environment",
  GIT_UNUSABLE: "environment",
  DRAIN_EXCEEDED: "failed",
};

export function exitCodeOf(code: ErrorCode): ExitCode {
  return exitCodes[kinds[code]];
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(kinds, code);
}
