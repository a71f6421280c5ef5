import type { Context } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { storable } from "../database/storable.ts";
import { wakeConsumers } from "../events/append-event.ts";
import { GitError } from "../git/git-error.ts";
import type { Mirror, RefListing } from "../git/mirror.ts";
import { branchClassifier } from "../repositories/classify-branch.ts";
import { checkRepositoryName, findRepository, type Repository } from "../repositories/repository.ts";
import { keepObserving, startObservation } from "./observation-lease.ts";
import { planObservation, type KnownBranch, type ObservedRefs } from "./plan-observation.ts";
import { recordFailure, recordObservation, type Recorded } from "./record-observation.ts";

export type Observation =
  /** Another process is observing this repository; the hint it did not see makes it due again. */
  | { readonly outcome: "busy" }
  /** This process was too slow: somebody else observed since, and nothing of this observation was recorded. */
  | { readonly outcome: "superseded" }
  | ({ readonly outcome: "unchanged" | "changed" } & Recorded);

/**
 * Looks at a repository's refs and records what changed as wanted states of its branches. One process observes a
 * repository at a time; a listing that took longer than its lease is thrown away, so an older listing is never
 * recorded after a newer one.
 *
 * @throws GitError when the repository could not be listed: recorded on the repository, with the next attempt's time.
 * @throws MaterializerError `REPOSITORY_UNKNOWN`, `OPTION_INVALID`
 */
export async function observe(
  context: Context,
  name: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Observation> {
  checkRepositoryName(name);
  const observing = await startObservation(context, name);
  if (observing === undefined) {
    await findRepository(context.db, name);
    return { outcome: "busy" };
  }
  await using lease = keepObserving(context, observing, signal);
  try {
    const seen = await look(context, observing.repository, lease.signal);
    const observation = await inTransaction(
      context.db,
      async (client) => await recordObservation(client, { context, observing, seen }),
    );
    if ("deleted" in observation && observation.deleted > 0) await wakeConsumers(context.db);
    return observation;
  } catch (error) {
    if (!lease.signal.aborted) await recordFailure(context, observing, error);
    throw error;
  }
}

export interface Seen {
  readonly observed: ObservedRefs;
  readonly defaultRef: string | null;
  /** Branches whose names cannot be read: they are not projected, and shown. */
  readonly unreadable: readonly string[];
  /** Authors of the tips of branches that were not known, by ref. */
  readonly authors: ReadonlyMap<string, string>;
}

/** The cheap listing first; only when it names commits that are not here are objects fetched. */
async function look(context: Context, repository: Repository, signal: AbortSignal): Promise<Seen> {
  const mirror = await context.mirrors.of(repository, signal);
  const [remote, known] = await Promise.all([
    mirror.listRemote({ signal }),
    knownBranches(context, repository.id),
  ]);
  const defaultRef = defaultRefOf(remote, repository);
  const plan = planObservation(known, whole(remote), branchClassifier(repository, defaultRef));
  const needed = [...plan.appeared, ...plan.moved];
  const observed = await bring(mirror, { remote, needed, pruned: plan.deleted.length > 0 }, signal);
  const appeared = plan.appeared.filter(({ ref }) => observed.refs.has(ref));
  const { unreadable } = remote;
  return { defaultRef, observed, unreadable, authors: await authorsOf(mirror, appeared, signal) };
}

interface Wanted {
  readonly remote: RefListing;
  /** What is new in the listing. */
  readonly needed: readonly { readonly ref: string; readonly oid: string }[];
  /** Whether a branch is gone, whose ref may stand in the way of another. */
  readonly pruned: boolean;
}

/**
 * Brings the commits that a listing names, and says what counts as observed: the listing itself once all of them are
 * here, for then nothing has to be read back. A new branch at a known commit asks the remote for nothing.
 */
async function bring(mirror: Mirror, wanted: Wanted, signal: AbortSignal): Promise<ObservedRefs> {
  const { remote, needed, pruned } = wanted;
  const oids = [...new Set(needed.map(({ oid }) => oid))];
  const allHere = async (): Promise<boolean> => (await mirror.has(oids, { signal })).size === oids.length;
  if (await allHere()) return whole(remote);
  const listed = pruned ? undefined : new Map(needed.map(({ ref, oid }) => [ref, oid]));
  const { complete } = await mirror.fetch({ signal, listed });
  if (await allHere()) return whole(remote);
  const mirrored = await mirror.listRefs({ signal });
  return complete ? whole(mirrored) : agreed(remote, mirrored);
}

function whole({ refs }: RefListing): ObservedRefs {
  return { refs, refused: new Set() };
}

/**
 * The default branch, and with it what is live. A remote whose HEAD is detached or names no branch tells of none:
 * then it is the one that was known, for a slip of HEAD must not take the live branch away.
 */
function defaultRefOf({ defaultRef, refs }: RefListing, { defaultRef: known }: Repository): string | null {
  if (defaultRef !== undefined && (refs.has(defaultRef) || known === null)) return defaultRef;
  return known;
}

/** Whoever wrote the tip of a new branch, read before any transaction begins. */
async function authorsOf(
  mirror: Mirror,
  branches: readonly { ref: string; oid: string }[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const oids = [...new Set(branches.map(({ oid }) => oid))];
  const present = await mirror.has(oids, { signal });
  const names = new Map<string, string>();
  for (const oid of oids.filter((each) => present.has(each))) {
    const author = await authorOf(mirror, oid, signal);
    if (author !== undefined) names.set(oid, author);
  }
  return new Map(
    branches.flatMap(({ ref, oid }) => {
      const name = names.get(oid);
      return name === undefined ? [] : [[ref, name] as const];
    }),
  );
}

/** A commit that cannot be read is its own branch's failure, when that is built; here it only has no author. */
async function authorOf(mirror: Mirror, oid: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { authorName, authorEmail } = await mirror.readCommit(oid, { signal });
    return storable(`${authorName} <${authorEmail}>`);
  } catch (error) {
    if (error instanceof GitError && ["TooLarge", "Corrupt", "RefMissing"].includes(error.kind))
      return undefined;
    throw error;
  }
}

/** After a fetch that git refused in part, a ref of the mirror may be old: only those that the remote just listed count. */
function agreed(remote: RefListing, mirrored: RefListing): ObservedRefs {
  const refs = new Map([...mirrored.refs].filter(([ref, oid]) => remote.refs.get(ref) === oid));
  return { refs, refused: new Set([...remote.refs.keys()].filter((ref) => !refs.has(ref))) };
}

async function knownBranches(context: Context, repositoryId: string): Promise<KnownBranch[]> {
  const { rows } = await context.db.query<KnownBranch>(
    `select ref, encode(desired_oid, 'hex') as oid, class, deleted_at is not null as deleted
     from headstart_materializer.branches where repository_id = $1`,
    [repositoryId],
  );
  return rows;
}
