import { boundFetch } from "./bound-fetch.ts";
import { GitError } from "./git-error.ts";
import { runGit, type RunOptions } from "./run-git.ts";

/** Where a mirror keeps the remote's branches: not where git would, so that no command finds them by a short name. */
export const mirroredPrefix = "refs/mat/";

export interface FetchOutcome {
  /** Whether the mirror now has every branch as the remote showed it. */
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
 * Fetches branches apart from those whose objects git refuses: half of them at a time, so that a few bad ones cost
 * a few more runs and hold up nobody. Nothing is pruned.
 *
 * @throws GitError for anything but refused objects
 */
export async function fetchAround(refs: readonly string[], options: FetchOptions): Promise<string[]> {
  if (refs.length === 0) return [];
  const input = refs.map((ref) => `+${ref}:${mirroredPrefix}${ref.slice("refs/heads/".length)}\n`).join("");
  const args = [
    "fetch",
    ...flags.filter((flag) => flag !== "--prune"),
    "--stdin",
    "--end-of-options",
    options.url,
  ];
  try {
    const ended = await boundFetch(
      options,
      async (signal) => await runGit(args, { ...options, signal, input }),
    );
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
