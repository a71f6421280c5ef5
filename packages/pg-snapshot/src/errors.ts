/** What can go wrong, by stable code. The package README says for each what it means and what fixes it. */
export type PgSnapshotErrorCode =
  | "SERVER_UNREACHABLE"
  | "AUTHENTICATION_FAILED"
  | "CONNECTION_SETTINGS_INVALID"
  | "PERMISSION_DENIED"
  | "TOO_MANY_CONNECTIONS"
  | "DISK_FULL"
  | "DATABASE_IN_USE"
  | "NAME_TAKEN"
  | "NAME_INVALID"
  | "EXTENSION_MISSING"
  | "TEMPLATE_ABSENT"
  | "BUILD_FAILED"
  | "INPUTS_CHANGED"
  | "REQUIREMENT_UNMET"
  | "STRIP_FAILED"
  | "DEADLINE_EXCEEDED"
  | "TOOL_MISSING"
  | "TOOL_TOO_OLD"
  | "DUMP_FAILED"
  | "RESTORE_FAILED"
  | "SNAPSHOT_MISSING"
  | "SNAPSHOT_STALE"
  | "SNAPSHOT_TORN"
  | "SNAPSHOT_CORRUPT"
  | "SNAPSHOT_INCOMPATIBLE"
  | "STORE_READ_ONLY"
  | "STORE_UNWRITABLE"
  | "POSTGRES_MISSING"
  | "SERVER_START_FAILED"
  | "QUERY_FAILED";

export interface PgSnapshotErrorOptions {
  /** The exact command or setting that fixes it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Every failure a caller can act on. `code` is stable, `message` states the fact, `hint` says what to do next. */
export class PgSnapshotError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "PgSnapshotError",
      writable: true,
      configurable: true,
    });
  }

  readonly code: PgSnapshotErrorCode;
  readonly hint: string | undefined;

  constructor(code: PgSnapshotErrorCode, message: string, { hint, cause }: PgSnapshotErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
