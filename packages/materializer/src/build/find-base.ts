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
interface Distance {
  readonly version: StoredVersion;
  /** Changed selected files, by `placeId`. */
  readonly changes: ReadonlyMap<string, FileChange>;
  /** Units with a changed file. */
  readonly changedUnits: ReadonlySet<string>;
  /** Files of the wanted tree, selected or not. */
  readonly treeFiles: number;
}

export interface Base extends Distance {
  /** How many units the version's base segment has. */
  readonly baseUnits: number;
  /** Every unit that the new version's delta has to hold: those, and what the version's own delta replaces. */
  readonly deltaUnits: ReadonlySet<string>;
}

/** Live branches that a tree is compared with at most, the default branch among them. */
const MOST_LIVE = 8;

/** A version with so few changed units is near enough: looking at another would cost more than it can save. */
const NEAR = 8;

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
 * The stored version from which the fewest units of the wanted tree differ: the branch's own newest, or that of the
 * default branch or of another live one, in this order, up to the first that is near. Undefined when there is none, or
 * when this mirror does not have its tree.
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
  const versions = await candidates(context, lease);
  const trees = versions.map((version) => version.tree);
  const present = await mirror.has(trees, { signal });
  let nearest: Distance | undefined;
  for (const version of versions.filter(({ tree: stands }) => present.has(stands))) {
    const { changes, growth } = await changedFiles(mirror, projector, {
      before: version.tree,
      after: tree,
      signal,
    });
    const changedUnits = new Set([...changes.values()].map(({ selection }) => selection.unit));
    if (nearest === undefined || changedUnits.size < nearest.changedUnits.size)
      nearest = { version, changes, changedUnits, treeFiles: version.treeFiles + growth };
    if (nearest.changedUnits.size <= NEAR) break;
  }
  return nearest && (await withUnits(context, nearest));
}

/** The versions that may be built upon, the likeliest first. */
async function candidates(context: Context, lease: Lease): Promise<StoredVersion[]> {
  const { rows } = await context.db.query<StoredVersion>(
    `select ${stored} from headstart_materializer.branches b
     cross join lateral (
       select v.*, 0 as place from headstart_materializer.versions v
       where v.id = b.latest_version and v.projector = $2
       union all
       (select v.*, case when o.ref = r.default_ref then 1 else 2 end as place
        from headstart_materializer.branches o
        join headstart_materializer.repositories r on r.id = o.repository_id
        join headstart_materializer.versions v on v.id = o.latest_version and v.projector = $2
        where o.repository_id = b.repository_id and o.class = 'live' and o.id <> b.id
        order by place, v.id desc limit $3)
     ) v
     where b.id = $1
     order by v.place, v.id desc`,
    [lease.branchId, lease.projector, MOST_LIVE],
  );
  return rows;
}

/** With what building upon the version takes. */
async function withUnits({ db }: Context, nearest: Distance): Promise<Base> {
  const { base, delta } = nearest.version;
  const { rows } = await db.query<{ replaced: string[]; baseUnits: number }>(
    `select array(select unit from headstart_materializer.segment_units where segment_id = $2) as replaced,
            (select count(*)::int from headstart_materializer.segment_units where segment_id = $1) as "baseUnits"`,
    [base, delta],
  );
  const { replaced = [], baseUnits = 0 } = rows[0] ?? {};
  return { ...nearest, baseUnits, deltaUnits: new Set([...replaced, ...nearest.changedUnits]) };
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
