import type { Context } from "../context.ts";
import type { Mirror } from "../git/mirror.ts";
import type { Projector } from "../projector/projector.ts";
import type { Lease } from "../queue/claim.ts";
import { placeId, selectPath, type Selection } from "./selected-file.ts";

/** A published version whose rows a new one can share. */
export interface StoredVersion {
  readonly id: string;
  readonly tree: string;
  readonly base: string;
  readonly delta: string | null;
  readonly treeFiles: number;
  /** Whether it is the branch's own newest version. */
  readonly own: boolean;
}

/** A selected path whose file is another now; `after` is absent where there is none any more. */
export interface FileChange {
  readonly selection: Selection;
  readonly after: { readonly mode: string; readonly oid: string } | undefined;
}

/** What lies between a stored version and the tree that is wanted. */
export interface Base {
  readonly version: StoredVersion;
  /** Changed selected files, by `placeId`. */
  readonly changes: ReadonlyMap<string, FileChange>;
  /** Units with a changed file. */
  readonly changedUnits: ReadonlySet<string>;
  /** How many units the version's base segment has. */
  readonly baseUnits: number;
  /** Every unit that the new version's delta has to hold: those, and what the version's own delta replaces. */
  readonly deltaUnits: ReadonlySet<string>;
  /** Files of the wanted tree, selected or not. */
  readonly treeFiles: number;
}

const stored = `v.id::text, encode(v.tree_oid, 'hex') as tree, v.base_segment::text as base, v.delta_segment::text as delta,
  v.tree_files as "treeFiles",  v.id = b.latest_version as own`;

/** A version of exactly this tree, of any branch of the repository: there is nothing to build then. */
export async function findSameTree(
  context: Context,
  lease: Lease,
  tree: string,
): Promise<StoredVersion | undefined> {
  const { rows } = await context.db.query<StoredVersion>(
    `select ${stored} from headstart_materializer.versions v
     join headstart_materializer.branches b on b.repository_id = v.repository_id
     where b.id = $1 and v.projector = $2 and v.tree_oid = decode($3, 'hex')
     order by v.id desc limit 1`,
    [lease.branchId, lease.projector, tree],
  );
  return rows[0];
}

/**
 * The stored version that the wanted tree differs least from: the branch's own newest or that of a live branch.
 * Undefined when there is none, or when this mirror does not have its tree.
 */
export async function findBase(
  context: Context,
  lease: Lease,
  {
    mirror,
    projector,
    tree,
    signal,
  }: { mirror: Mirror; projector: Projector; tree: string; signal: AbortSignal },
): Promise<Base | undefined> {
  const { rows } = await context.db.query<StoredVersion & { replaced: string[]; baseUnits: number }>(
    `select distinct on (v.id) ${stored},
       array(select unit from headstart_materializer.segment_units where segment_id = v.delta_segment) as replaced,
       (select count(*)::int from headstart_materializer.segment_units where segment_id = v.base_segment) as "baseUnits"
     from headstart_materializer.branches b
     cross join lateral (
       select b.latest_version
       union all
       select o.latest_version from headstart_materializer.branches o
       where o.repository_id = b.repository_id and o.class = 'live'
     ) o
     join headstart_materializer.versions v on v.id = o.latest_version and v.projector = $2
     where b.id = $1`,
    [lease.branchId, lease.projector],
  );
  let best: Base | undefined;
  const trees = rows.map((version) => version.tree);
  const present = await mirror.has(trees, { signal });
  for (const { replaced, baseUnits, ...version } of rows.filter(({ tree: stands }) => present.has(stands))) {
    const { changes, growth } = await changedFiles(mirror, projector, {
      before: version.tree,
      after: tree,
      signal,
    });
    const changedUnits = new Set([...changes.values()].map(({ selection }) => selection.unit));
    const deltaUnits = new Set([...replaced, ...changedUnits]);
    const treeFiles = version.treeFiles + growth;
    if (best === undefined || deltaUnits.size < best.deltaUnits.size)
      best = { version, changes, changedUnits, baseUnits, deltaUnits, treeFiles };
  }
  return best;
}

async function changedFiles(
  mirror: Mirror,
  projector: Projector,
  { before, after, signal }: { before: string; after: string; signal: AbortSignal },
): Promise<{ changes: Map<string, FileChange>; growth: number }> {
  const changes = new Map<string, FileChange>();
  let growth = 0;
  for await (const change of mirror.diffTrees(before, after, { signal })) {
    growth += Number(change.after !== undefined) - Number(change.before !== undefined);
    const selection = selectPath(projector, change);
    if (selection !== undefined) changes.set(placeId(selection), { selection, after: change.after });
  }
  return { changes, growth };
}
