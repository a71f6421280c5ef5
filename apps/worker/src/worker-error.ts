/** What can go wrong before or beside the work itself. The README says for each what it means and what fixes it. */
export type WorkerErrorCode =
  | "CONFIG_MISSING"
  | "CONFIG_AMBIGUOUS"
  | "CONFIG_INVALID"
  | "SECRET_MISSING"
  | "DATABASE_REFUSED"
  | "SCHEMA_TOO_NEW"
  | "ADDRESS_UNAVAILABLE"
  | "MIRRORS_UNWRITABLE"
  | "GIT_UNUSABLE"
  | "DRAIN_EXCEEDED";

export interface WorkerErrorOptions {
  /** The exact setting or command that fixes it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** `code` is stable, `message` states the fact, `hint` says what to do next. */
export class WorkerError extends Error {
  readonly code: WorkerErrorCode;
  readonly hint: string | undefined;

  constructor(code: WorkerErrorCode, message: string, { hint, cause }: WorkerErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "WorkerError";
    this.code = code;
    this.hint = hint;
  }
}
