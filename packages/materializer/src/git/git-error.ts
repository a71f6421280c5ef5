import { MaterializerError, type MaterializerErrorCode, type MaterializerErrorOptions } from "../errors.ts";

/** What went wrong, as far as it decides what to do next. */
export type GitFailureKind =
  | "RefMissing"
  | "PathMissing"
  | "AuthFailed"
  | "RateLimited"
  | "Transient"
  | "Corrupt"
  | "TooLarge"
  | "Refused"
  | "Aborted";

const codes = {
  RefMissing: "GIT_REF_MISSING",
  PathMissing: "GIT_PATH_MISSING",
  AuthFailed: "GIT_AUTH_FAILED",
  RateLimited: "GIT_RATE_LIMITED",
  Transient: "GIT_TRANSIENT",
  Corrupt: "GIT_CORRUPT",
  TooLarge: "GIT_TOO_LARGE",
  Refused: "GIT_REFUSED",
  Aborted: "GIT_ABORTED",
} as const satisfies Record<GitFailureKind, MaterializerErrorCode>;

const hints: Partial<Record<GitFailureKind, string>> = {
  RefMissing: "The commit is not in the mirror: fetch, and look whether the branch still exists.",
  PathMissing: "Look at what the commit has: git ls-tree -r <commit>. Paths are by case, and from the root.",
  AuthFailed:
    "Check that the URL names an existing repository and that the credential may read it: git ls-remote <url>.",
  RateLimited: "Nothing to do: it is tried again once the server allows it. Poll less often if this stays.",
  Transient: "Nothing to do: it is tried again. If this stays, try by hand: git ls-remote <url>.",
  TooLarge: "Take out of the repository what is too large, or raise the limit: see `limits`.",
  Corrupt: "The next fetch builds the mirror anew. If this stays, check the upstream: git fsck --full.",
};

export interface GitErrorOptions extends MaterializerErrorOptions {
  /** The time before which the server does not want to be asked again. */
  readonly retryAt?: Date | undefined;
}

/** Git, or what it talked to, failed. The message is redacted: it never holds a credential. */
export class GitError extends MaterializerError {
  readonly kind: GitFailureKind;
  readonly retryAt?: Date;

  constructor(
    kind: GitFailureKind,
    message: string,
    { retryAt, hint = hints[kind], cause }: GitErrorOptions = {},
  ) {
    super(codes[kind], message, { hint, cause });
    this.name = "GitError";
    this.kind = kind;
    if (retryAt !== undefined) this.retryAt = retryAt;
  }
}

export function aborted(signal: AbortSignal | undefined): GitError {
  return new GitError("Aborted", "The work on the repository was given up.", { cause: signal?.reason });
}

/** @throws GitError `Aborted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}
