import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";
import { migrations } from "../migrations.ts";
import { WorkerError } from "../worker-error.ts";
import { inTransaction } from "./in-transaction.ts";

/** First key of the two-integer advisory locks of this package, so that no other package's keys meet ours. */
const LOCK_NAMESPACE = 0x68_77_6f_72;

/**
 * Brings the schema `headstart_worker` to this version: numbered steps, each once, forward only, in one transaction
 * under an advisory lock, so that any number of workers may start at the same time.
 *
 * @returns the names of the steps this call applied
 * @throws WorkerError `SCHEMA_TOO_NEW` when a newer version of the worker has been here
 */
export async function migrate(db: pg.Pool): Promise<string[]> {
  const steps = (await readdir(migrations)).filter((name) => /^\d{4}-.*\.sql$/.test(name)).toSorted();
  return await inTransaction(db, async (client) => await apply(client, steps));
}

async function apply(client: pg.PoolClient, steps: readonly string[]): Promise<string[]> {
  await client.query("select pg_advisory_xact_lock($1, 0)", [LOCK_NAMESPACE]);
  // `if not exists` asks for the right to create it before it looks; who has it already needs that no more.
  const found = await client.query("select where to_regnamespace('headstart_worker') is not null");
  if (found.rowCount === 0) await client.query("create schema headstart_worker");
  await client.query(
    `create table if not exists headstart_worker.migrations
       (name text primary key, applied_at timestamptz not null default now())`,
  );
  const { rows } = await client.query<{ name: string }>("select name from headstart_worker.migrations");
  const applied = new Set(rows.map(({ name }) => name));
  const foreign = [...applied].find((name) => !steps.includes(name));
  if (foreign !== undefined) {
    throw new WorkerError(
      "SCHEMA_TOO_NEW",
      `The schema headstart_worker has the step ${foreign}, which this version does not know.`,
      { hint: "Deploy the version of @headstart/worker that made it, or a newer one." },
    );
  }
  const missing = steps.filter((name) => !applied.has(name));
  await client.query("set local search_path = headstart_worker");
  for (const name of missing) {
    await client.query(await readFile(new URL(name, migrations), "utf8"));
    await client.query("insert into headstart_worker.migrations (name) values ($1)", [name]);
  }
  return missing;
}
