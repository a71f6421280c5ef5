import { boundFetch } from "./bound-fetch.ts";
import { GitError } from "./git-error.ts";
import { runGit, type Ended, type RunOptions } from "./run-git.ts";

/** Where a mirror keeps the remote's branches: not where git would, so that no command finds them by a short name. */
export const mirroredPrefix = "refs/mat/";

export interface FetchOutcome {
  /** Whether the mirror now has every branch as the remote showed it: not after a fetch of some alone. */
  readonly complete: boolean;
  /** Branches that git refused, by full name. */
  readonly rejected: readonly string[];
}

export interface FetchOptions extends RunOptions {
  readonly url: string;
  /** The repository that is fetched into. */
  readonly directory: string;
  /** Bytes of one fetch, as they are transferred. */
  readonly maxBytes: number;
}

const flags = [
  "--prune",
  "--no-tags",
  "--no-write-fetch-head",
  "--no-auto-maintenance",
  "--no-recurse-submodules",
  "--no-progress",
  "--force",
];

/** What a fetch came to. `fault` is what git said when it did not do all. */
export type FetchResult = FetchOutcome & { readonly fault?: GitError };

/**
 * Fetches every branch. Not `--atomic`: with it no branch moves any more once `drafts/x` has become `drafts/x/y`.
 *
 * @throws GitError when nothing can be said about what was fetched
 */
export async function fetchAll(options: FetchOptions): Promise<FetchResult> {
  const args = ["fetch", ...flags, "--end-of-options", options.url, `+refs/heads/*:${mirroredPrefix}*`];
  const ended = await boundFetch(options, async (signal) => await runGit(args, { ...options, signal }));
  if (ended.ok) return { complete: true, rejected: [] };
  const rejected = rejectedRefs(ended.stderr);
  const fault = ended.failure();
  if (rejected.length === 0 || /^fatal: /m.test(ended.stderr)) throw fault;
  return { complete: false, rejected, fault };
}

/** Branches that git says it could not write, in the tables and the complaints that it writes for people. */
function rejectedRefs(stderr: string): string[] {
  const refs = new Set<string>();
  for (const [, name] of stderr.matchAll(/ -> refs\/mat\/(\S+) +\(/g)) refs.add(`refs/heads/${name}`);
  for (const [, name] of stderr.matchAll(/cannot lock ref 'refs\/mat\/([^']+)'/g))
    refs.add(`refs/heads/${name}`);
  return [...refs].sort();
}

/**
 * Fetches branches at the very commits that the remote just listed: git then need not ask for the listing again, and
 * takes nothing else. Nothing is pruned.
 *
 * @returns false when that is not possible, for instance since a branch has moved on: fetch them all, which says why
 * @throws GitError when another try would come to the same
 */
export async function fetchListed(
  listed: ReadonlyMap<string, string>,
  options: FetchOptions,
): Promise<boolean> {
  const lines = [...listed].map(([ref, oid]) => `+${oid}:${mirroredRef(ref)}\n`);
  const ended = await fetchNamed(lines.join(""), options);
  if (ended.ok) return true;
  const fault = ended.failure();
  if (isRefusedContent(fault) || fault.kind === "AuthFailed" || fault.kind === "RateLimited") throw fault;
  return false;
}

/**
 * Fetches a commit that no branch has any more, if the remote still gives it.
 *
 * @throws GitError `RefMissing` when it does not
 */
export async function fetchUnlisted(oid: string, options: FetchOptions): Promise<void> {
  const ended = await fetchNamed(`${oid}\n`, options);
  if (!ended.ok) throw ended.failure();
}

/** @param input what to fetch, one refspec a line */
async function fetchNamed(input: string, options: FetchOptions): Promise<Ended> {
  const some = flags.filter((flag) => flag !== "--prune");
  const args = ["fetch", ...some, "--stdin", "--end-of-options", options.url];
  return await boundFetch(options, async (signal) => await runGit(args, { ...options, signal, input }));
}

function mirroredRef(ref: string): string {
  return `${mirroredPrefix}${ref.slice("refs/heads/".length)}`;
}

/**
 * Fetches branches apart from those whose objects git refuses: half of them at a time, so that a few bad ones cost
 * a few more runs and hold up nobody. Nothing is pruned.
 *
 * @throws GitError for anything but refused objects
 */
export async function fetchAround(refs: readonly string[], options: FetchOptions): Promise<string[]> {
  if (refs.length === 0) return [];
  try {
    const ended = await fetchNamed(refs.map((ref) => `+${ref}:${mirroredRef(ref)}\n`).join(""), options);
    if (ended.ok) return [];
    throw ended.failure();
  } catch (error) {
    if (!isRefusedContent(error)) throw error;
  }
  if (refs.length === 1) return [...refs];
  const middle = refs.length >> 1;
  const first = await fetchAround(refs.slice(0, middle), options);
  return [...first, ...(await fetchAround(refs.slice(middle), options))];
}

/** Whether git refused what the remote sent, as opposed to where it was sent to. */
export function isRefusedContent(error: unknown): boolean {
  if (!(error instanceof GitError)) return false;
  return error.kind === "TooLarge" || (error.kind === "Refused" && /fsck error/.test(error.message));
}
