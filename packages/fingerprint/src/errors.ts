/** What can go wrong, by stable code. The package README says for each what it means and what fixes it. */
export type FingerprintErrorCode =
  | "ROOT_MISSING"
  | "ROOT_INVALID"
  | "INPUT_INVALID"
  | "NOTHING_SELECTED"
  | "LINK_BROKEN"
  | "LINK_CYCLE"
  | "FILE_UNREADABLE"
  | "FILE_UNSETTLED"
  | "FILE_SPECIAL"
  | "MANIFEST_INVALID";

export interface FingerprintErrorOptions {
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** A digest could not be stated. Nothing is ever left out silently: what cannot be hashed is an error. */
export class FingerprintError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "FingerprintError",
      writable: true,
      configurable: true,
    });
  }

  readonly code: FingerprintErrorCode;
  readonly hint: string | undefined;

  constructor(code: FingerprintErrorCode, message: string, { hint, cause }: FingerprintErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
