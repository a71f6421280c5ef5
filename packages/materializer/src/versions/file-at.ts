import { readLost } from "../build/open-commit.ts";
import type { Context } from "../context.ts";
import type { PathRead } from "../git/mirror.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBranch } from "./find-branch.ts";

/** A file of a commit, or of the newest commit that was observed of a branch. */
export type FileName = { readonly repository: string; readonly path: string } & (
  { readonly oid: string } | { readonly branch: string }
);

/** A file and the commit that it is of. */
export interface CommittedFile extends PathRead {
  readonly commit: string;
}

/**
 * Reads a file as it was committed, selected by a projector or not: to show the line that an issue names, for instance.
 *
 * @throws MaterializerError `REPOSITORY_UNKNOWN`, `BRANCH_UNKNOWN`; GitError `PathMissing` when the commit has no such
 *   file, `RefMissing`, `TooLarge`
 */
export async function fileAt(
  context: Context,
  name: FileName,
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<CommittedFile> {
  const repository = await findRepository(context.db, name.repository);
  const wanted = "oid" in name ? name.oid : ((await findBranch(context.db, name)).desiredOid ?? "");
  const mirror = await context.mirrors.of(repository, signal);
  const commit = await readLost(mirror, wanted, signal);
  return { commit: commit.oid, ...(await mirror.readPath(commit.tree, name.path, { signal })) };
}
