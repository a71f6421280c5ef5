import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";
import { MaterializerError } from "../errors.ts";
import { migrations } from "../migrations.ts";
import { inTransaction } from "./in-transaction.ts";

/** First key of the two-integer advisory locks of this package, so that no other package's keys meet ours. */
const LOCK_NAMESPACE = 0x68_6d_61_74;

/**
 * Brings the schema `headstart_materializer` to this version of the package: numbered steps, each once, forward
 * only, in one transaction under an advisory lock, so that any number of processes may call it at the same time.
 *
 * @returns the names of the steps this call applied; empty when there was nothing to do.
 * @throws MaterializerError `SCHEMA_TOO_NEW` when a newer version of the package has been here.
 */
export async function migrate(db: pg.Pool): Promise<string[]> {
  const steps = (await readdir(migrations)).filter((name) => /^\d{4}-.*\.sql$/.test(name)).toSorted();
  return await inTransaction(db, async (client) => {
    await client.query("select pg_advisory_xact_lock($1, 0)", [LOCK_NAMESPACE]);
    // `if not exists` asks for the right to create it before it looks; who has it already needs that no more.
    const found = await client.query("select where to_regnamespace('headstart_materializer') is not null");
    if (found.rowCount === 0) await client.query("create schema headstart_materializer");
    await client.query(
      `create table if not exists headstart_materializer.migrations
         (name text primary key, applied_at timestamptz not null default now())`,
    );
    const { rows } = await client.query<{ name: string }>(
      "select name from headstart_materializer.migrations order by name",
    );
    const applied = new Set(rows.map((row) => row.name));
    const foreign = rows.find((row) => !steps.includes(row.name));
    if (foreign !== undefined) {
      throw new MaterializerError(
        "SCHEMA_TOO_NEW",
        `The schema headstart_materializer has the step ${foreign.name}, which this version does not know.`,
        { hint: "Deploy the version of @headstart/materializer that made it, or a newer one." },
      );
    }
    const missing = steps.filter((name) => !applied.has(name));
    await client.query("set local search_path = headstart_materializer");
    for (const name of missing) {
      await client.query(await readFile(new URL(name, migrations), "utf8"));
      await client.query("insert into headstart_materializer.migrations (name) values ($1)", [name]);
    }
    return missing;
  });
}
