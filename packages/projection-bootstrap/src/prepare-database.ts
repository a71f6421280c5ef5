import type pg from "pg";
import type { Settings } from "./boot/settings.ts";
import type { PostgresLog } from "./log/postgres-log.ts";
import { isMigrated, migrate } from "./migrate.ts";

/**
 * Makes sure, once a process, that the schema is there, and the log's ordering. With a client that is only looked at on
 * that connection: all others may be with callers whose transactions wait for this one.
 */
export function databasePreparation(settings: Settings): (client?: pg.ClientBase) => Promise<void> {
  let prepared = false;
  let preparing: Promise<void> | undefined;
  return async (client) => {
    if (prepared) return;
    if (client !== undefined && (await isMigrated(client)) && (await hasOrdering(client))) {
      prepared = true;
      return;
    }
    preparing ??= prepareDatabase(settings).finally(() => {
      preparing = undefined;
    });
    await preparing;
    prepared = true;
  };
}

/** The schema, and the log's ordering if nobody decided it yet. */
async function prepareDatabase({ pool, log }: Settings): Promise<void> {
  await migrate(pool);
  // Asked first, so that a process that may only read can boot from a database that others prepared.
  if (await hasOrdering(pool)) return;
  const wanted = "ordering" in log ? (log as PostgresLog).ordering : undefined;
  await pool.query(
    "insert into headstart_projections.log_setting (ordering) values ($1) on conflict (single) do nothing",
    [wanted ?? "xid-fence"],
  );
}

async function hasOrdering(client: pg.Pool | pg.ClientBase): Promise<boolean> {
  const { rowCount } = await client.query("select from headstart_projections.log_setting");
  return rowCount === 1;
}
