import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { migrate } from "../../src/database/migrate.ts";
import { migrations } from "../../src/migrations.ts";
import { openProject } from "../support/open-project.ts";

test("eight that migrate an empty database at once apply each step once", async () => {
  await using database = await emptyDatabase();
  const applied = await Promise.all(Array.from({ length: 8 }, async () => await migrate(database.db)));
  const steps = (await readdir(migrations)).toSorted();
  expect(applied.filter((names) => names.length > 0)).toEqual([steps]);
  expect(await migrate(database.db)).toEqual([]);
});

test("a database that a newer version has migrated is left alone, with what to do", async () => {
  await using database = await emptyDatabase();
  await migrate(database.db);
  await database.db.query("insert into headstart_materializer.migrations (name) values ('9999-later.sql')");
  await expect(migrate(database.db)).rejects.toMatchObject({
    code: "SCHEMA_TOO_NEW",
    hint: expect.stringContaining("newer") as string,
  });
});

test("names of refs, paths and keys are compared by their bytes, and object names are 20 or 32 bytes", async () => {
  await using project = await openProject();
  const { rows } = await project.db.query<{ place: string; collation: string | null }>(
    `select table_name || '.' || column_name as place, collation_name as collation
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where table_schema = 'headstart_materializer' and table_type = 'BASE TABLE'
       and column_name in ('ref', 'path', 'unit', 'key', 'collection', 'default_ref', 'name')`,
  );
  const loose = rows.filter(({ place, collation }) => collation !== "C" && place !== "migrations.name");
  expect(loose).toEqual([]);
  expect(rows.length).toBeGreaterThan(10);
  const insert = async (bytes: number): Promise<unknown> =>
    await project.db.query(
      `insert into headstart_materializer.branches (repository_id, ref, class, desired_oid, desired_seq)
       select id, 'refs/heads/' || $1::int, 'draft', decode(repeat('ab', $1::int), 'hex'), 1 from headstart_materializer.repositories`,
      [bytes],
    );
  await insert(20);
  await insert(32);
  await expect(insert(21)).rejects.toThrow(/check constraint/);
});

/** It goes with the server, at the end of the run. */
async function emptyDatabase(): Promise<{ db: pg.Pool } & AsyncDisposable> {
  const server = new pg.Client({ connectionString: inject("serverUrl") });
  await server.connect();
  const name = `empty_${randomUUID().slice(0, 8)}`;
  await server.query(`create database ${name}`);
  await server.end();
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  const db = new pg.Pool({ connectionString: url.href, max: 8 });
  return { db, [Symbol.asyncDispose]: async () => await db.end() };
}
