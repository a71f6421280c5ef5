/** What can go wrong, by stable code. The package README says for each what it means and what fixes it. */
export type ProjectionErrorCode =
  | "SCHEMA_TOO_NEW"
  | "OPTION_INVALID"
  | "LOG_ORDERING_DIFFERS"
  | "LOG_UNSUITABLE"
  | "LOG_UNSETTLED"
  | "EVENT_INVALID"
  | "VERSION_CONFLICT"
  | "APPEND_OUT_OF_ORDER"
  | "ISOLATION_UNSUITABLE"
  | "INLINE_MISMATCH"
  | "INLINE_FAILED"
  | "FOREIGN_CLUSTER"
  | "PROJECTION_UNKNOWN"
  | "PROJECTION_NOT_LOADED"
  | "PROJECTION_REFUSED"
  | "IDENTITY_UNAVAILABLE"
  | "STATE_NOT_PLAIN"
  | "READ_NOT_DECLARED"
  | "POISON_EVENT"
  | "ROW_UNDECODABLE"
  | "CHECKPOINT_CONFLICT"
  | "LEASE_HELD"
  | "LEASE_LOST"
  | "POSITION_MISSED"
  | "NOT_FOLLOWING"
  | "ROLLBACK_IMPOSSIBLE";

export interface ProjectionErrorOptions {
  /** The exact command, call or setting that fixes it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Every failure a caller can act on. `code` is stable, `message` states the fact, `hint` says what to do next. */
export class ProjectionError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "ProjectionError",
      writable: true,
      configurable: true,
    });
  }

  readonly code: ProjectionErrorCode;
  readonly hint: string | undefined;

  constructor(code: ProjectionErrorCode, message: string, { hint, cause }: ProjectionErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
