import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";
import { ProjectionError } from "./errors.ts";
import { inTransaction } from "./database/transaction.ts";

const folder = new URL("../migrations/", import.meta.url);

/**
 * Whether the schema is as this release needs it.
 *
 * @throws {ProjectionError} `SCHEMA_TOO_NEW`
 */
export async function isMigrated(client: pg.Pool | pg.ClientBase): Promise<boolean> {
  const files = await migrationFiles();
  const applied = (await appliedMigrations(client)) ?? [];
  checkKnown(applied, files);
  return applied.length === files.length;
}

/**
 * Brings the schema `headstart_projections` up to date; any number of processes may try at once.
 *
 * @throws {ProjectionError} `SCHEMA_TOO_NEW` when a newer release of this package migrated the database
 */
export async function migrate(pool: pg.Pool): Promise<void> {
  if (await isMigrated(pool)) return;
  const files = await migrationFiles();
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.migrate', 0))");
    // `if not exists` asks for the right to create it before it looks.
    const found = await client.query("select where to_regnamespace('headstart_projections') is not null");
    if (found.rowCount === 0) await client.query("create schema headstart_projections");
    await client.query(
      `create table if not exists headstart_projections.migration (
         name text collate "C" primary key,
         applied_at timestamptz not null default clock_timestamp()
       )`,
    );
    const done = (await appliedMigrations(client)) ?? [];
    checkKnown(done, files);
    for (const file of files) {
      if (done.includes(file)) continue;
      await client.query(await readFile(new URL(file, folder), "utf8"));
      await client.query("insert into headstart_projections.migration (name) values ($1)", [file]);
    }
  });
}

async function migrationFiles(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
}

async function appliedMigrations(client: pg.Pool | pg.ClientBase): Promise<string[] | undefined> {
  const { rows } = await client.query<{ exists: boolean }>(
    "select to_regclass('headstart_projections.migration') is not null as exists",
  );
  if (rows[0]?.exists !== true) return undefined;
  const found = await client.query<{ name: string }>(
    "select name from headstart_projections.migration order by name",
  );
  return found.rows.map(({ name }) => name);
}

function checkKnown(applied: readonly string[], files: readonly string[]): void {
  const unknown = applied.find((name) => !files.includes(name));
  if (unknown === undefined) return;
  throw new ProjectionError(
    "SCHEMA_TOO_NEW",
    `the database has migration ${unknown}, which this release lacks`,
    {
      hint: "install the release of @headstart/projection-bootstrap that migrated it, or a newer one",
    },
  );
}
