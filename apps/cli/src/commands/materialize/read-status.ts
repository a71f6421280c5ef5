import type { BranchStatus } from "@headstart/materializer";
import type pg from "pg";

/** The states that a command can ask for; a deleted branch has none of them. */
export const branchStates = [
  "pending",
  "building",
  "ready",
  "error",
  "parked",
] as const satisfies readonly BranchStatus[];
export type BranchState = (typeof branchStates)[number];

export interface RepositoryStatus {
  readonly name: string;
  readonly counts: Readonly<Record<BranchState, number>>;
  readonly pinned: number;
  readonly pausedAt: Date | null;
  /** Why deletions are held back, if they are and nobody has confirmed them. */
  readonly guard: string | null;
  readonly observedAt: Date | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
}

export interface BranchRow {
  readonly repository: string;
  readonly branch: string;
  readonly class: "live" | "draft";
  readonly status: BranchState;
  readonly wanted: string | null;
  readonly served: string | null;
  readonly wantedAt: Date;
  readonly pinned: boolean;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
}

export interface BranchFilter {
  readonly repository?: string | undefined;
  /** A short name in which `*` stands for anything. */
  readonly branch?: string | undefined;
  /** Only these; without it what is neither ready nor unpinned comes first and alone. */
  readonly states?: readonly BranchState[] | undefined;
  readonly all?: boolean | undefined;
  readonly limit: number;
}

/** As `branchStatus` of the materializer says it of one branch. */
const state = `case when b.parked_at is not null then 'parked'
  when b.lease_until >= clock_timestamp() then 'building'
  when b.dirty then 'pending' when b.error_code is null then 'ready' else 'error' end`;

export async function readRepositories(db: pg.Pool, name?: string): Promise<RepositoryStatus[]> {
  const { rows } = await db.query<Omit<RepositoryStatus, "counts"> & { counts: Record<string, number> }>(
    `select r.name, coalesce(c.counts, '{}') as counts, coalesce(c.pinned, 0)::int as pinned,
            r.paused_at as "pausedAt", nullif(r.guard, 'confirmed') as guard, r.observed_at as "observedAt",
            r.error_code as "errorCode", r.error_message as "errorMessage"
     from headstart_materializer.repositories r
     left join (
       select repository_id, jsonb_object_agg(state, branches) as counts, sum(pinned) as pinned
       from (select b.repository_id, ${state} as state, count(*) as branches, count(b.pinned_at) as pinned
             from headstart_materializer.branches b where b.deleted_at is null group by 1, 2) s
       group by 1
     ) c on c.repository_id = r.id
     where $1::text is null or r.name = $1 order by r.name`,
    [name ?? null],
  );
  return rows.map((row) => ({
    ...row,
    counts: Object.fromEntries(branchStates.map((each) => [each, row.counts[each] ?? 0])) as Record<
      BranchState,
      number
    >,
  }));
}

/** The branches that a filter lets through, those that need somebody first, and whether there are more than asked for. */
export async function readBranches(
  db: pg.Pool,
  { repository, branch, states, all, limit }: BranchFilter,
): Promise<{ branches: BranchRow[]; more: boolean }> {
  const pattern = branch === undefined ? null : `refs/heads/${likePattern(branch)}`;
  const { rows } = await db.query<BranchRow>(
    `select r.name as repository, substr(b.ref, 12) as branch, b.class, s.state as status,
            encode(b.desired_oid, 'hex') as wanted, encode(v.oid, 'hex') as served, b.desired_at as "wantedAt",
            b.pinned_at is not null as pinned, b.error_code as "errorCode", b.error_message as "errorMessage"
     from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
     left join headstart_materializer.versions v on v.id = b.served_version
     cross join lateral (select ${state} as state) s
     where b.deleted_at is null and ($1::text is null or r.name = $1) and ($2::text is null or b.ref like $2)
       and ($3::text[] is null or s.state = any($3))
       and ($4 or $3 is not null or s.state <> 'ready' or b.pinned_at is not null)
     order by array_position(array['parked', 'error', 'building', 'pending', 'ready'], s.state), b.class <> 'live',
              b.desired_at desc, r.name, b.ref
     limit $5::int + 1`,
    [repository ?? null, pattern, states ?? null, all === true || branch !== undefined, limit],
  );
  return { branches: rows.slice(0, limit), more: rows.length > limit };
}

function likePattern(glob: string): string {
  return glob.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll("*", "%");
}
