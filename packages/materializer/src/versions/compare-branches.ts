import type { Context } from "../context.ts";
import type { Mirror } from "../git/mirror.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBranch, type BranchName } from "./find-branch.ts";

export interface Behind {
  /** Commits that the branch has and the base does not, and the reverse. */
  readonly ahead: number;
  readonly behind: number;
  readonly mergeBase: string | undefined;
  /**
   * Paths that both changed since they parted, to different contents, or of which one made a file where the other made
   * a folder: what a merge would have to settle.
   */
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
  const mirror = await context.mirrors.of(await findRepository(context.db, repository), signal);
  const oids = [ours.desiredOid ?? "", theirs.desiredOid ?? ""] as const;
  if ((await mirror.has(oids, { signal })).size < new Set(oids).size) await mirror.fetch({ signal });
  const { ahead, behind: missing, mergeBase } = await mirror.compareCommits(oids[0], oids[1], { signal });
  if (mergeBase === undefined) return { ahead, behind: missing, mergeBase, conflictingPaths: [] };
  const [mine, others] = [
    await changesSince(mirror, { from: mergeBase, to: oids[0], signal }),
    await changesSince(mirror, { from: mergeBase, to: oids[1], signal }),
  ];
  return { ahead, behind: missing, mergeBase, conflictingPaths: conflicts(mine, others) };
}

type Changes = ReadonlyMap<string, string | undefined>;

function conflicts(mine: Changes, others: Changes): string[] {
  const different = [...mine.keys()].filter(
    (path) => others.has(path) && others.get(path) !== mine.get(path),
  );
  return [...new Set([...different, ...below(mine, others), ...below(others, mine)])].toSorted();
}

/** Files that one side has now where the other has a folder now. */
function below(files: Changes, others: Changes): string[] {
  const folders = new Set(
    [...others].filter(([, now]) => now !== undefined).flatMap(([path]) => parents(path)),
  );
  return [...files].filter(([path, now]) => now !== undefined && folders.has(path)).map(([path]) => path);
}

function parents(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join("/"));
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
