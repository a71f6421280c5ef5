import { projectorNamed, type Context } from "../context.ts";
import { GitError } from "../git/git-error.ts";
import type { Commit, Mirror } from "../git/mirror.ts";
import type { Projector } from "../projector/projector.ts";
import type { Repository } from "../repositories/repository.ts";
import type { DocumentSource } from "./read-documents.ts";

/** One commit of a repository, and what its documents are read by. */
export interface OpenCommit {
  readonly commit: Commit;
  readonly source: DocumentSource;
}

type Opening = Pick<DocumentSource, "cache" | "signal"> & {
  readonly oid: string;
  /** Default: the one that the repository is registered with. */
  readonly projector?: Projector;
};

/**
 * Opens any commit to look at what it gives, outside the queue.
 *
 * @throws MaterializerError `PROJECTOR_UNKNOWN`; GitError `RefMissing` when neither the mirror nor the remote has it.
 */
export async function openCommit(
  context: Context,
  repository: Repository,
  { oid, cache, signal, projector = projectorNamed(context, repository.projectorName) }: Opening,
): Promise<OpenCommit> {
  const mirror = await context.mirrors.of(repository, signal);
  const commit = await readLost(mirror, oid, signal);
  return { commit, source: { context, mirror, projector, scope: repository.scope, signal, cache } };
}

/** Reads a commit that a branch should have; the branches are fetched when this machine's mirror lacks it. */
export async function readWanted(
  mirror: Mirror,
  oid: string,
  { signal, onFetch }: { signal: AbortSignal; onFetch?: () => void },
): Promise<Commit> {
  return await orElse(
    async () => await mirror.readCommit(oid, { signal }),
    async () => {
      onFetch?.();
      await mirror.fetch({ signal });
    },
  );
}

/** Reads a commit that perhaps no branch has any more: another machine may have published it before a force push. */
export async function readLost(mirror: Mirror, oid: string, signal: AbortSignal): Promise<Commit> {
  return await orElse(
    async () => await readWanted(mirror, oid, { signal }),
    async () => await mirror.fetchCommit(oid, { signal }),
  );
}

async function orElse(read: () => Promise<Commit>, fetch: () => Promise<void>): Promise<Commit> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof GitError) || error.kind !== "RefMissing") throw error;
  }
  await fetch();
  return await read();
}
