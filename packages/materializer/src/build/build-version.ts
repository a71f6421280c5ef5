import type { Context } from "../context.ts";
import { projectorNamed } from "../context.ts";
import { GitError } from "../git/git-error.ts";
import type { Mirror } from "../git/mirror.ts";
import { MaterializerError } from "../errors.ts";
import type { ContentIssue, Projector } from "../projector/projector.ts";
import type { Lease } from "../queue/claim.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBase, findSameTree, type Base, type StoredVersion } from "./find-base.ts";
import { listUnits } from "./list-units.ts";
import { buildUnits, type UnitCounts } from "./build-units.ts";
import type { DocumentSource } from "./read-documents.ts";
import { copyUnits, discardSegments, segmentUnits, startSegment, sweepSegments } from "./segments.ts";
import { entryProblem, type SelectedFile } from "./selected-file.ts";

/** A version that is written and not yet served: publishing it is one short transaction. */
export interface Built {
  readonly kind: "built";
  readonly tree: string;
  readonly base: string;
  readonly delta: string | null;
  /** Selected paths that changed since the branch's version before, where that is what the build compared with. */
  readonly changedPaths?: readonly string[] | undefined;
  readonly committedAt: Date;
  readonly author: string;
  readonly blobsParsed: number;
  readonly blobsReused: number;
  readonly unitsAssembled: number;
  readonly buildMs: number;
}

/** The content breaks the projector's strict policy; nothing is published. */
export interface Invalid {
  readonly kind: "invalid";
  readonly issues: readonly ContentIssue[];
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
 * @throws MaterializerError `PROJECTOR_UNKNOWN` when the lease wants a projector this process does not have.
 */
export async function build(context: Context, lease: Lease, options: BuildOptions): Promise<Built | Invalid> {
  const startedAt = performance.now();
  const { signal } = options;
  const repository = await findRepository(context.db, lease.repository);
  const projector = projectorOf(context, lease, repository.projectorName);
  const mirror = await context.mirrors.of(repository);
  const commit = await commitOf(mirror, lease, options);
  await sweepSegments(context.db, lease);
  const author = `${commit.authorName} <${commit.authorEmail}>`;
  const facts = { kind: "built" as const, tree: commit.tree, committedAt: commit.committedAt, author };
  const source: DocumentSource = { context, mirror, projector, scope: repository.scope, signal, cache: lease.fromScratch ? "renew" : "use" };
  const contents = await contentsOf(source, lease, { ...options, tree: commit.tree });
  if ("issues" in contents) {
    await discardSegments(context.db, lease);
    return { kind: "invalid", issues: contents.issues };
  }
  return { ...facts, ...contents, buildMs: Math.round(performance.now() - startedAt) };
}

type Contents = Pick<Built, "base" | "delta" | "changedPaths" | "blobsParsed" | "blobsReused" | "unitsAssembled">;
type Wanted = BuildOptions & { readonly tree: string };

async function contentsOf(source: DocumentSource, lease: Lease, wanted: Wanted): Promise<Contents | Pick<Invalid, "issues">> {
  const { context, mirror, projector } = source;
  if (!lease.fromScratch) {
    const same = await findSameTree(context, lease, wanted.tree);
    if (same !== undefined) return { ...shared(same), blobsParsed: 0, blobsReused: 0, unitsAssembled: 0 };
    const base = await findBase(context, lease, { mirror, projector, tree: wanted.tree, signal: wanted.signal });
    if (base !== undefined && base.changes.size === 0) {
      return { ...shared(base.version), blobsParsed: 0, blobsReused: 0, unitsAssembled: 0 };
    }
    if (base !== undefined) {
      const units = (await segmentUnits(context.db, base.version.base)).length;
      if (base.changedUnits.size <= Math.max(SMALLEST_DELTA, units / 4)) return await buildDelta(source, lease, { base, units, wanted });
    }
  }
  return await buildWhole(source, lease, wanted);
}

function shared(version: StoredVersion): Pick<Built, "base" | "delta"> {
  return { base: version.base, delta: version.delta };
}

/** Lists the whole tree and assembles every unit of it into a new base. */
async function buildWhole(source: DocumentSource, lease: Lease, wanted: Wanted): Promise<Contents | Pick<Invalid, "issues">> {
  wanted.onProgress?.({ phase: "list" });
  const units = await listUnits(source, wanted.tree);
  const base = await startSegment(source.context.db, lease);
  const counts = await buildUnits(source, { segment: base, units, onProgress: wanted.onProgress });
  return blocked(source.projector, counts) ?? { base, delta: null, ...withoutIssues(counts) };
}

const SMALLEST_DELTA = 32;

/**
 * Assembles the changed units into a new delta over an old base, and carries over what the old delta replaced. A
 * delta that has grown past the square root of twice the base's units is folded into a new base: copying up to `t`
 * units at each version and `n` units every `t` versions costs `t / 2 + n / t`, least at `t = sqrt(2 n)`.
 */
async function buildDelta(
  source: DocumentSource,
  lease: Lease,
  { base, units, wanted }: { base: Base; units: number; wanted: Wanted },
): Promise<Contents | Pick<Invalid, "issues">> {
  const { context } = source;
  const changed = [...base.changedUnits];
  const delta = await startSegment(context.db, lease);
  const files = await filesAfter(context, base, changed);
  const counts = await buildUnits(source, { segment: delta, units: files, onProgress: wanted.onProgress });
  const invalid = blocked(source.projector, counts);
  if (invalid !== undefined) return invalid;
  const old = base.version.delta;
  if (old !== null) await copyUnits(context, { from: old, to: delta, except: changed });
  const changedPaths = base.version.own ? [...base.changes.keys()].toSorted() : undefined;
  const built = { base: base.version.base, delta, changedPaths, ...withoutIssues(counts) };
  if (base.deltaUnits.size <= Math.max(SMALLEST_DELTA, Math.sqrt(2 * units))) return built;
  wanted.onProgress?.({ phase: "copy" });
  const folded = await startSegment(context.db, lease);
  await copyUnits(context, { from: base.version.base, to: folded, except: [...base.deltaUnits] });
  await copyUnits(context, { from: delta, to: folded, except: await emptyUnits(context, delta) });
  return { ...built, base: folded, delta: null };
}

/** The files of the changed units after the change: what is stored of them, with the difference applied. */
async function filesAfter(context: Context, base: Base, changed: readonly string[]): Promise<Map<string, SelectedFile[]>> {
  const { rows } = await context.db.query<SelectedFile>(
    `select f.path, f.unit, f.kind, f.mode, encode(f.oid, 'hex') as oid
     from headstart_materializer.version_files f where f.version_id = $1 and f.unit = any($2)`,
    [base.version.id, changed],
  );
  const units = new Map<string, SelectedFile[]>(changed.map((unit) => [unit, []]));
  const kept = rows.filter((file) => !base.changes.has(file.path)).map((file) => ({ ...file, problem: entryProblem(file) }));
  for (const file of [...kept, ...base.changes.values()]) {
    if (file !== undefined) units.get(file.unit)?.push(file);
  }
  return units;
}

/** Units that a delta holds to say that they are gone: a base has no need of them. */
async function emptyUnits(context: Context, segment: string): Promise<string[]> {
  const { rows } = await context.db.query<{ unit: string }>(
    `select u.unit from headstart_materializer.segment_units u
     where u.segment_id = $1 and not exists (
       select from headstart_materializer.segment_files f where f.segment_id = $1 and f.unit = u.unit)`,
    [segment],
  );
  return rows.map((row) => row.unit);
}

function blocked(projector: Projector, { errors, issues }: UnitCounts): Pick<Invalid, "issues"> | undefined {
  return projector.policy === "strict" && errors > 0 ? { issues } : undefined;
}

function withoutIssues({ blobsParsed, blobsReused, unitsAssembled }: UnitCounts): Omit<Contents, "base" | "delta" | "changedPaths"> {
  return { blobsParsed, blobsReused, unitsAssembled };
}

function projectorOf(context: Context, lease: Lease, name: string): Projector {
  const projector = projectorNamed(context, name);
  if (projector.identity === lease.projector) return projector;
  throw new MaterializerError("PROJECTOR_UNKNOWN", `This process has another revision of ${JSON.stringify(name)}.`, {
    hint: "Nothing to do: a process that has the wanted revision will build the branch.",
  });
}

/** The lease's commit; fetched when this machine's mirror does not have it, for another one may have observed it. */
async function commitOf(mirror: Mirror, lease: Lease, { signal, onProgress }: BuildOptions): ReturnType<Mirror["readCommit"]> {
  if (!(await mirror.has([lease.oid], { signal })).has(lease.oid)) {
    onProgress?.({ phase: "fetch" });
    await mirror.fetch({ signal });
    if (!(await mirror.has([lease.oid], { signal })).has(lease.oid)) {
      throw new GitError("RefMissing", `The commit ${lease.oid} of ${lease.ref} is no longer in the repository.`);
    }
  }
  return await mirror.readCommit(lease.oid, { signal });
}
