import type { Context } from "../context.ts";
import { branchClassifier, type BranchClass } from "../repositories/classify-branch.ts";
import { findRepository } from "../repositories/repository.ts";

/** A branch as the remote has it at this moment. */
export interface Tip {
  readonly ref: string;
  readonly class: BranchClass;
  readonly oid: string;
}

/**
 * The tips of a repository's live branches and drafts, asked of the remote itself. Nothing is recorded.
 *
 * @throws MaterializerError `REPOSITORY_UNKNOWN`; GitError as git failed.
 */
export async function tips(
  context: Context,
  name: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Tip[]> {
  const repository = await findRepository(context.db, name);
  const mirror = await context.mirrors.of(repository, signal);
  const { refs, defaultRef = null } = await mirror.listRemote(signal === undefined ? {} : { signal });
  const classOf = branchClassifier(repository, defaultRef);
  return [...refs].flatMap(([ref, oid]) => {
    const kind = classOf(ref);
    return kind === undefined ? [] : [{ ref, class: kind, oid }];
  });
}
