/** What can go wrong, by stable code. The package README says for each what it means and what fixes it. */
export type MaterializerErrorCode =
  | "GIT_REF_MISSING"
  | "GIT_PATH_MISSING"
  | "GIT_AUTH_FAILED"
  | "GIT_RATE_LIMITED"
  | "GIT_TRANSIENT"
  | "GIT_CORRUPT"
  | "GIT_TOO_LARGE"
  | "GIT_REFUSED"
  | "GIT_ABORTED"
  | "SCHEMA_TOO_NEW"
  | "OPTION_INVALID"
  | "REPOSITORY_UNKNOWN"
  | "REPOSITORY_INVALID"
  | "BRANCH_UNKNOWN"
  | "VERSION_UNKNOWN"
  | "PROJECTOR_UNKNOWN"
  | "PROJECTOR_SUPERSEDED"
  | "LEASE_LOST"
  | "CONTENT_INVALID"
  | "BUILD_CRASHED"
  | "MESSAGE_INVALID"
  | "REQUEST_UNFINISHED";

export interface MaterializerErrorOptions {
  /** The exact command, call or setting that fixes it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Every failure a caller can act on. `code` is stable, `message` states the fact, `hint` says what to do next. */
export class MaterializerError extends Error {
  readonly code: MaterializerErrorCode;
  readonly hint: string | undefined;

  constructor(code: MaterializerErrorCode, message: string, { hint, cause }: MaterializerErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "MaterializerError";
    this.code = code;
    this.hint = hint;
  }
}
