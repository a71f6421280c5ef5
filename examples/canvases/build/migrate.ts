import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";

const folder = new URL("../migrations/", import.meta.url);

export interface MigrateOptions {
  /** The last migration to apply. @default the last there is */
  readonly through?: number | undefined;
  readonly report?: ((detail: string) => void) | undefined;
}

/**
 * Applies the numbered migrations that the database lacks, each in a transaction of its own. Processes that
 * migrate at the same time take turns.
 *
 * @throws {Error} when a migration that was applied has since been edited
 */
export async function migrate(
  client: pg.Client,
  { through = Infinity, report }: MigrateOptions = {},
): Promise<void> {
  await client.query("select pg_advisory_lock(hashtextextended('canvases migrations', 0))");
  try {
    await client.query(
      "create table if not exists migration (number integer primary key, name text not null, sha256 text not null)",
    );
    const applied = await appliedMigrations(client);
    for (const migration of await readMigrations()) {
      if (migration.number > through) break;
      const known = applied.get(migration.number);
      if (known !== undefined && known !== migration.sha256) {
        throw new Error(`migration "${migration.name}" was edited after it was applied: write a new one`);
      }
      if (known !== undefined) continue;
      report?.(`migration ${migration.name}`);
      await apply(client, migration);
    }
  } finally {
    await client.query("select pg_advisory_unlock(hashtextextended('canvases migrations', 0))");
  }
}

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const sql = (await readFile(new URL(name, folder), "utf8")).replaceAll("\r\n", "\n");
      const sha256 = createHash("sha256").update(sql).digest("hex");
      return { number: Number(name.slice(0, 4)), name, sql, sha256 };
    }),
  );
}

async function appliedMigrations(client: pg.Client): Promise<Map<number, string>> {
  const { rows } = await client.query<{ number: number; sha256: string }>(
    "select number, sha256 from migration",
  );
  return new Map(rows.map((row) => [row.number, row.sha256]));
}

async function apply(client: pg.Client, { number, name, sql, sha256 }: Migration): Promise<void> {
  await client.query("begin");
  try {
    await client.query(sql);
    await client.query("insert into migration (number, name, sha256) values ($1, $2, $3)", [
      number,
      name,
      sha256,
    ]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
