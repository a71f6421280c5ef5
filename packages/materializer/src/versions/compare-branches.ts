import type { Context } from "../context.ts";
import type { Mirror } from "../git/mirror.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBranch, type BranchName } from "./find-branch.ts";

export interface Behind {
  /** Commits that the branch has and the base does not, and the reverse. */
  readonly ahead: number;
  readonly behind: number;
  readonly mergeBase: string | undefined;
  /** Paths that both changed since they parted, to different contents: what a merge would have to settle. */
  readonly conflictingPaths: readonly string[];
}

/**
 * How far the newest wanted commit of a branch has parted from that of another, by git's history.
 *
 * @throws MaterializerError `BRANCH_UNKNOWN`; GitError as git failed.
 */
export async function behind(
  context: Context,
  { repository, branch, base }: BranchName & { readonly base: string },
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<Behind> {
  const [ours, theirs] = await Promise.all([
    findBranch(context.db, { repository, branch }),
    findBranch(context.db, { repository, branch: base }),
  ]);
  const mirror = await context.mirrors.of(await findRepository(context.db, repository));
  const oids = [ours.desiredOid ?? "", theirs.desiredOid ?? ""] as const;
  if ((await mirror.has(oids, { signal })).size < new Set(oids).size) await mirror.fetch({ signal });
  const { ahead, behind: missing, mergeBase } = await mirror.compareCommits(oids[0], oids[1], { signal });
  if (mergeBase === undefined) return { ahead, behind: missing, mergeBase, conflictingPaths: [] };
  const [mine, others] = [
    await changesSince(mirror, { from: mergeBase, to: oids[0], signal }),
    await changesSince(mirror, { from: mergeBase, to: oids[1], signal }),
  ];
  const conflictingPaths = [...mine].filter(([path, oid]) => others.has(path) && others.get(path) !== oid);
  return {
    ahead,
    behind: missing,
    mergeBase,
    conflictingPaths: conflictingPaths.map(([path]) => path).toSorted(),
  };
}

async function changesSince(
  mirror: Mirror,
  { from, to, signal }: { from: string; to: string; signal: AbortSignal },
): Promise<Map<string, string | undefined>> {
  const trees = [
    (await mirror.readCommit(from, { signal })).tree,
    (await mirror.readCommit(to, { signal })).tree,
  ] as const;
  const changes = new Map<string, string | undefined>();
  for await (const { path, after } of mirror.diffTrees(trees[0], trees[1], { signal })) {
    changes.set(path, after && `${after.mode} ${after.oid}`);
  }
  return changes;
}
