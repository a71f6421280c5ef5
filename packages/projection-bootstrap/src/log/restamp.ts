import type pg from "pg";
import { inBriefLocks } from "../database/brief-locks.ts";
import { migrate } from "../migrate.ts";
import { readServerIdentity } from "./server-identity.ts";

/**
 * Says that this database lives here now, after it was restored from a dump or copied from another server. What
 * it holds becomes final and keeps its order, checkpoints stay valid, and nothing is rewritten.
 *
 * @returns the number of the era that the database is in, which is one more than before if it was foreign
 */
export async function restamp(pool: pg.Pool, reason = "restamped"): Promise<number> {
  await migrate(pool);
  return await inBriefLocks(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
    const { era, foreign, systemIdentifier } = await readServerIdentity(client);
    if (foreign === undefined) return era;
    await client.query(
      "insert into headstart_projections.era (number, system_identifier, reason) values ($1, $2, $3)",
      [era + 1, systemIdentifier, reason],
    );
    return era + 1;
  });
}
