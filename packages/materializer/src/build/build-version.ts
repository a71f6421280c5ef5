import { projectorNamed, type Context } from "../context.ts";
import { MaterializerError } from "../errors.ts";
import { GitError } from "../git/git-error.ts";
import { resolveLimits, type GitLimits } from "../git/git-limits.ts";
import type { Projector } from "../projector/projector.ts";
import type { Lease } from "../queue/claim.ts";
import { leaseSuperseded } from "../queue/lease.ts";
import { findRepository } from "../repositories/repository.ts";
import { buildDelta, SMALLEST_DELTA } from "./build-delta.ts";
import { buildWhole } from "./build-whole.ts";
import type { Contents, Invalid } from "./contents.ts";
import { findBase, findSameTree, type StoredVersion } from "./find-base.ts";
import { readWanted } from "./open-commit.ts";
import type { DocumentSource } from "./read-documents.ts";
import { discardSegments } from "./segments.ts";

/** A version that is written and not yet served: publishing it is one short transaction. */
export interface Built extends Contents {
  readonly kind: "built";
  readonly tree: string;
  readonly committedAt: Date;
  readonly author: string;
  readonly buildMs: number;
}

export interface BuildProgress {
  readonly phase: "fetch" | "list" | "assemble" | "copy";
  /** Units done, of so many; absent where nothing is counted. */
  readonly done?: number;
  readonly total?: number;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

/**
 * Builds the state that a lease wants, aside from what is served: every git read is at the lease's one commit and
 * outside any transaction. A tree that was projected before costs nothing, a small change costs its units.
 *
 * @throws GitError `RefMissing` when the commit has left the repository; other kinds as git failed.
 * @throws MaterializerError `PROJECTOR_SUPERSEDED` when the repository wants another projector than the lease;
 *   `PROJECTOR_UNKNOWN` when the lease wants one this process does not have.
 */
export async function build(context: Context, lease: Lease, options: BuildOptions): Promise<Built | Invalid> {
  const startedAt = performance.now();
  const { signal, onProgress } = options;
  const repository = await findRepository(context.db, lease.repository);
  // The statement of a claim may have begun before a registration that gave the branch this very state.
  if (repository.projector !== lease.projector) throw leaseSuperseded(lease);
  const projector = projectorOf(context, lease, repository.projectorName);
  const mirror = await context.mirrors.of(repository, signal);
  const commit = await readWanted(mirror, lease.oid, {
    signal,
    onFetch: () => onProgress?.({ phase: "fetch" }),
  });
  const author = `${commit.authorName} <${commit.authorEmail}>`;
  const facts = { kind: "built" as const, tree: commit.tree, committedAt: commit.committedAt, author };
  const source: DocumentSource = {
    context,
    mirror,
    projector,
    scope: repository.scope,
    signal,
    cache: lease.fromScratch ? "renew" : "use",
  };
  const contents = await contentsOf(source, lease, { ...options, tree: commit.tree });
  if ("issues" in contents) {
    await discardSegments(context.db, lease);
    return contents;
  }
  return { ...facts, ...contents, buildMs: Math.round(performance.now() - startedAt) };
}

type Wanted = BuildOptions & { readonly tree: string };

async function contentsOf(source: DocumentSource, lease: Lease, wanted: Wanted): Promise<Contents | Invalid> {
  if (lease.fromScratch) return await buildWhole(source, lease, wanted);
  const { context, mirror, projector } = source;
  const { tree, signal, onProgress } = wanted;
  const same = await findSameTree(context, lease, tree);
  if (same !== undefined) return shared(same, same.treeFiles);
  const base = await findBase(context, lease, { mirror, projector, tree, signal });
  if (base === undefined) return await buildWhole(source, lease, wanted);
  refuseTooMany(base.treeFiles, resolveLimits(context.mirrors.settings.limits));
  if (base.changes.size === 0) return shared(base.version, base.treeFiles);
  if (base.changedUnits.size > Math.max(SMALLEST_DELTA, base.baseUnits / 4))
    return await buildWhole(source, lease, wanted);
  return await buildDelta(source, lease, { base, onProgress });
}

/** Every row of the version is stored already. */
function shared({ id, base, delta }: StoredVersion, treeFiles: number): Contents {
  return { base, delta, from: id, treeFiles, blobsParsed: 0, blobsReused: 0, unitsAssembled: 0 };
}

/** A tree that grew past the limit in small steps is as large as one that came at once. */
function refuseTooMany(files: number, { maxFiles }: GitLimits): void {
  if (files <= maxFiles) return;
  throw new GitError(
    "TooLarge",
    `The tree has ${files} files, more than the ${maxFiles} that are projected.`,
    {
      hint: "Raise mirrors.limits.maxFiles, or register a smaller repository.",
    },
  );
}

function projectorOf(context: Context, lease: Lease, name: string): Projector {
  const projector = projectorNamed(context, name);
  if (projector.identity === lease.projector) return projector;
  throw new MaterializerError(
    "PROJECTOR_UNKNOWN",
    `This process has another revision of ${JSON.stringify(name)}.`,
    {
      hint: "Nothing to do: a process that has the wanted revision will build the branch.",
    },
  );
}
