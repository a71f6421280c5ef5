import type { GitProtocol } from "./check-url.ts";
import type { TreeChange } from "./diff-trees.ts";
import type { FetchOutcome } from "./fetch-refs.ts";
import type { GitLimits } from "./git-limits.ts";
import type { TreeEntry } from "./list-tree.ts";
import type { Credential } from "./mirror-home.ts";
import type { BlobRead } from "./read-blobs.ts";
import type { Commit } from "./read-commit.ts";
import type { PathRead } from "./read-path.ts";
import type { RefListing } from "./ref-listing.ts";
import type { FetchOrder } from "./update-mirror.ts";

export { openMirror } from "./open-mirror.ts";
export type {
  BlobRead,
  Commit,
  Credential,
  FetchOutcome,
  GitLimits,
  GitProtocol,
  PathRead,
  RefListing,
  TreeChange,
  TreeEntry,
};

export interface MirrorOptions {
  /** The folder of all mirrors. There is one for each URL, user and scope in it, shared by all processes. */
  readonly root: string;
  readonly url: string;
  /** Reaches git by its environment alone: no argument, file, log or error holds it. @default none */
  readonly credential?: Credential | undefined;
  /** Who may share what a credential gives to see: mirrors of two scopes are two. Without a credential all share one. */
  readonly scope?: string | undefined;
  /** @default ["https", "ssh"] */
  readonly protocols?: readonly GitProtocol[] | undefined;
  /** The only hosts that may be talked to, each as `host` or `host:port`. @default any */
  readonly hosts?: readonly string[] | undefined;
  /** Milliseconds that one git command may take. @default 600_000 */
  readonly timeoutMs?: number | undefined;
  readonly limits?: Partial<GitLimits> | undefined;
}

export interface GitCallOptions {
  /** Ends git and what it started; the call then throws `Aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A bare copy of a repository's branches, and its objects. Everything is read by whole object names, so what is read
 * belongs together however often the mirror is fetched meanwhile.
 *
 * Every method throws `GitError`; its `kind` says what to do about it. Disposal ends what is under way: that throws
 * `Aborted`.
 */
export interface Mirror extends AsyncDisposable {
  readonly directory: string;
  /** Asks the remote for its branches: all of them, or it throws. Nothing is fetched. */
  listRemote(options?: GitCallOptions): Promise<RefListing>;
  /**
   * Brings the mirror up to date. Processes of this machine do so one after the other. A mirror that is damaged, or
   * that a killed git left locked, is made anew beside the old one.
   *
   * `complete` is false when git refused some branches: these are as they were, all others are current. It is false as
   * well when only those that were `listed` were brought: what `listRefs` tells of the others may be old.
   */
  fetch(order?: FetchOrder): Promise<FetchOutcome>;
  /** Brings a commit that no branch has any more. Throws `RefMissing` when the remote does not give it. */
  fetchCommit(oid: string, options?: GitCallOptions): Promise<void>;
  /** The branches as they were last fetched. `defaultRef` is not among what a mirror knows. */
  listRefs(options?: GitCallOptions): Promise<RefListing>;
  /** Which of these commits or trees are here, a commit with its tree. */
  has(oids: readonly string[], options?: GitCallOptions): Promise<Set<string>>;
  readCommit(oid: string, options?: GitCallOptions): Promise<Commit>;
  /** Every file of a commit or tree, in git's order. Throws `TooLarge` as soon as there are too many. */
  listTree(tree: string, options?: GitCallOptions): AsyncIterable<TreeEntry>;
  /** The paths that differ between two commits or trees. A renamed file is one that went and one that came. */
  diffTrees(before: string, after: string, options?: GitCallOptions): AsyncIterable<TreeChange>;
  /** Blobs in the order asked. One over `maxFileBytes` is not read. Memory is bounded whatever is asked for. */
  readBlobs(oids: readonly string[], options?: GitCallOptions): AsyncIterable<BlobRead>;
  /** One file of a commit or tree. Throws `PathMissing` when there is none at that path. */
  readPath(tree: string, path: string, options?: GitCallOptions): Promise<PathRead>;
  /** Commits of `a` that `b` lacks (`ahead`) and the reverse, and where they parted. */
  compareCommits(a: string, b: string, options?: GitCallOptions): Promise<CommitComparison>;
  /** The same mirror, which talks to the remote by this credential: its user's, whose password is another now. */
  as(credential: Credential): Mirror;
  /** Says that what was read cannot be: the next fetch makes the mirror anew. */
  distrust(): Promise<void>;
}

export interface CommitComparison {
  readonly ahead: number;
  readonly behind: number;
  readonly mergeBase?: string;
}
