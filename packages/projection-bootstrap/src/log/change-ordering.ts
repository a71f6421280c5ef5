import type pg from "pg";
import { inBriefLocks } from "../database/brief-locks.ts";
import { migrate } from "../migrate.ts";
import type { LogOrdering } from "./postgres-log.ts";

/**
 * Decides how the database's log keeps its order, once no append is under way. While one takes long, others go on.
 *
 * @throws the signal's reason when it aborts first
 */
export async function changeOrdering(
  pool: pg.Pool,
  ordering: LogOrdering,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await migrate(pool);
  const change = async (client: pg.ClientBase): Promise<void> => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
    await client.query(
      `insert into headstart_projections.log_setting (ordering) values ($1)
       on conflict (single) do update set ordering = excluded.ordering`,
      [ordering],
    );
  };
  await inBriefLocks(pool, change, signal);
}
