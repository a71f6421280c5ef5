import type pg from "pg";
import { inTransaction } from "../database/transaction.ts";
import { migrate } from "../migrate.ts";
import type { LogOrdering } from "./postgres-log.ts";

/** Decides how the database's log keeps its order, once every append that is under way has ended. */
export async function changeOrdering(pool: pg.Pool, ordering: LogOrdering): Promise<void> {
  await migrate(pool);
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
    await client.query(
      `insert into headstart_projections.log_setting (ordering) values ($1)
       on conflict (single) do update set ordering = excluded.ordering`,
      [ordering],
    );
  });
}
