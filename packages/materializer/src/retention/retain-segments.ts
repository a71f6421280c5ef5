import type { Queryable } from "../database/in-transaction.ts";
import type { Looked } from "./walk.ts";

/** Removes those of some segments that no version points at and no builder holds. */
export async function retainSegments(
  db: Queryable,
  { after, batch }: { readonly after: string; readonly batch: number },
  removed: { segments: number },
): Promise<Looked> {
  const { rows } = await db.query<Looked & { removed: number }>(
    `with looked as materialized (
       select id, branch_id, token from headstart_materializer.segments where id > $1 order by id limit $2
     ), needless as (
       select s.id from headstart_materializer.segments s join looked l on l.id = s.id
       where not exists (select from headstart_materializer.versions v where v.base_segment = l.id)
         and not exists (select from headstart_materializer.versions v where v.delta_segment = l.id)
         and not exists (select from headstart_materializer.branches b
                         where b.id = l.branch_id and b.lease_token = l.token)
       for update of s skip locked
     ), removed as (
       delete from headstart_materializer.segments s using needless n where s.id = n.id returning s.id
     )
     select (select max(id)::text from looked) as last, (select count(*)::int from looked) as rows,
            (select count(*)::int from removed) as removed`,
    [after, batch],
  );
  const { removed: some, ...looked } = rows[0] ?? { last: null, rows: 0, removed: 0 };
  removed.segments += some;
  return looked;
}
