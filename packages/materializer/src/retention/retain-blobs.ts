import type { Queryable } from "../database/in-transaction.ts";

/** Whose parsed blobs: those of one scope and one projector. */
export interface Parsed {
  readonly scope: string;
  readonly parser: string;
}

/** How many of these are looked at in one call, and how many blobs one statement and one call remove. */
const GROUPS = 2_000;
const BATCH = 5_000;
const MOST = 50_000;

/**
 * Removes parsed blobs of projectors that no repository wants. From one group to the next it jumps by the index, so the
 * blobs that stay are not read.
 *
 * @param after the last group that was looked at
 * @returns how many were removed, and where to go on; undefined when there was nothing behind
 */
export async function retainBlobs(
  db: Queryable,
  after: Parsed | undefined,
  signal: AbortSignal | undefined,
): Promise<{ removed: number; after: Parsed | undefined }> {
  const { rows: groups } = await db.query<Parsed & { wanted: boolean }>(grouping, [
    after?.scope ?? "",
    after?.parser ?? "",
    GROUPS,
  ]);
  let removed = 0;
  let done = after;
  for (const { scope, parser, wanted } of groups) {
    for (let some = BATCH; !wanted && some === BATCH;) {
      signal?.throwIfAborted();
      if (removed >= MOST) return { removed, after: done };
      some = (await db.query(removing, [scope, parser, BATCH])).rowCount ?? 0;
      removed += some;
    }
    done = { scope, parser };
  }
  return { removed, after: groups.length < GROUPS ? undefined : done };
}

const next = (scope: string, parser: string): string =>
  `(select d.scope, d.parser from headstart_materializer.blob_documents d
    where (d.scope, d.parser) > (${scope}, ${parser}) order by d.scope, d.parser limit 1)`;

const grouping = `
  with recursive groups as (
    ${next("$1", "$2")}
    union all
    select n.scope, n.parser from groups g cross join lateral ${next("g.scope", "g.parser")} n
  )
  select g.scope, g.parser,
         exists (select from headstart_materializer.repositories r
                 where r.scope = g.scope and r.projector = g.parser) as wanted
  from (select * from groups limit $3) g`;

const removing = `
  delete from headstart_materializer.blob_documents where ctid = any(array(
    select d.ctid from headstart_materializer.blob_documents d
    where d.scope = $1 and d.parser = $2
      and not exists (select from headstart_materializer.repositories r where r.scope = $1 and r.projector = $2)
    limit $3 for update skip locked))`;
