import type { Queryable } from "../database/in-transaction.ts";
import type { Looked } from "./walk.ts";

interface RetainedBranches {
  versions: number;
  events: number;
  branches: number;
}

interface Batch extends Looked {
  /** Deleted branches, and those that were deleted once and made again. */
  readonly past: string[];
  /** Those whose first event is old and not their last. */
  readonly long: string[];
  /** Those that were deleted long ago. */
  readonly gone: string[];
}

interface Step {
  readonly after: string;
  readonly batch: number;
  readonly keepEventsMs: number;
}

/** Removes of some branches what nothing needs, and adds up how much of it there was. */
export async function retainBranches(
  db: Queryable,
  { after, batch, keepEventsMs }: Step,
  removed: RetainedBranches,
): Promise<Looked> {
  const { rows } = await db.query<Batch>(looking, [after, batch, keepEventsMs]);
  const { past = [], long = [], gone = [], ...looked } = rows[0] ?? { last: null, rows: 0 };
  const remove = async (sql: string, ids: readonly string[], ...more: unknown[]): Promise<number> =>
    ids.length === 0 ? 0 : ((await db.query(sql, [ids, ...more])).rowCount ?? 0);
  removed.versions += await remove(pastVersions, past);
  for (let start = 0; start < long.length; start += AT_ONCE)
    removed.events += await remove(oldEvents, long.slice(start, start + AT_ONCE), keepEventsMs, MOST_EVENTS);
  removed.branches += await remove(goneBranches, gone, keepEventsMs);
  return looked;
}

const looking = `
  select max(b.id)::text as last, count(*)::int as rows,
         coalesce(array_agg(b.id::text) filter (where b.past), '{}') as past,
         coalesce(array_agg(b.id::text) filter (where b.long), '{}') as long,
         coalesce(array_agg(b.id::text) filter (where b.gone), '{}') as gone
  from (
    select b.id, b.deleted_at is not null or b.incarnation > 1 as past,
           b.deleted_at < now() - $3 * interval '1 ms' as gone,
           (select e.recorded_at < now() - $3 * interval '1 ms' and e.position < b.event_position
            from headstart_materializer.events e where e.branch_id = b.id order by e.position limit 1) as long
    from headstart_materializer.branches b where b.id > $1 order by b.id limit $2
  ) b`;

const pastVersions = `
  delete from headstart_materializer.versions where id in (
    select v.id from headstart_materializer.versions v
    join headstart_materializer.branches b on b.id = v.branch_id
    where b.id = any($1) and (b.deleted_at is not null or v.incarnation < b.incarnation)
    for update of v skip locked)`;

/** Events of one branch that one statement removes at most; the others are the next round's. */
const MOST_EVENTS = 1_000;

/** Branches whose events one statement removes: few enough for it to be over in some hundred milliseconds. */
const AT_ONCE = 20;

/** How far every consumer has read a branch; all of it when there is none. */
const readByAll = `coalesce(
  (select min(coalesce(p.position, 0)) from headstart_materializer.consumers c
   left join headstart_materializer.consumer_positions p on p.consumer = c.name and p.branch_id = b.id),
  b.event_position)`;

/**
 * What is left of a branch has no gap, for only its beginning goes: up to what a consumer has not read, what is not old,
 * or the last event that named a version, by which readers who come later learn what is served. The lock makes a
 * consumer that is being added wait (`addConsumer`): it reads the branch as it was before this or as it is after it.
 */
const oldEvents = `
  with cut as (
    select b.id, least(
      ${readByAll},
      coalesce((select e.position from headstart_materializer.events e
                where e.branch_id = b.id and e.message ? 'version' order by e.position desc limit 1),
               b.event_position) - 1,
      coalesce((select e.position from headstart_materializer.events e
                where e.branch_id = b.id and e.recorded_at >= now() - $2 * interval '1 ms'
                order by e.position limit 1),
               b.event_position) - 1,
      (select min(e.position) from headstart_materializer.events e where e.branch_id = b.id) + $3 - 1) as upto
    from headstart_materializer.branches b where b.id = any($1)
    for key share of b
  )
  delete from headstart_materializer.events e using cut where e.branch_id = cut.id and e.position <= cut.upto`;

/** Not the one that has the last event of all: by that, whoever reads them by their numbers sees how far they go. */
const goneBranches = `
  delete from headstart_materializer.branches where id in (
    select b.id from headstart_materializer.branches b
    where b.id = any($1) and b.deleted_at < now() - $2 * interval '1 ms' and b.event_position <= ${readByAll}
      and not exists (select from headstart_materializer.events e
                      where e.branch_id = b.id
                        and e.number = (select max(number) from headstart_materializer.events))
    for update skip locked)`;
