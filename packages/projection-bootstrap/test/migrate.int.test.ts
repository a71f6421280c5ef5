import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, it } from "vitest";
import { createBootstrap } from "../src/create-bootstrap.ts";
import { amounts, totals } from "./support/projections.ts";
import { type Scratch, scratchDatabase } from "./support/scratch-database.ts";

/** A role that has nothing in the database but a schema that somebody made for it. */
async function poorRole({ url, pool }: Scratch): Promise<string> {
  const [role, password] = [`poor_${randomBytes(6).toString("hex")}`, randomBytes(12).toString("hex")];
  await pool.query(`create role "${role}" login password '${password}'`);
  await pool.query(`create schema headstart_projections authorization "${role}"`);
  return Object.assign(new URL(url), { username: role, password }).href;
}

it("needs no right to create a schema that is there", async () => {
  await using scratch = await scratchDatabase();
  const pool = new pg.Pool({ connectionString: await poorRole(scratch) });
  const bootstrap = createBootstrap({ pool, projections: [totals()] });
  await bootstrap.append("a", amounts(1, 2));
  const { model } = await bootstrap.boot();
  expect(model.get(totals(), "a")).toEqual({ count: 2, sum: 3 });
  await pool.end();
});

it("is done once, however many ask at once", async () => {
  await using scratch = await scratchDatabase();
  const many = Array.from({ length: 8 }, () =>
    createBootstrap({ pool: scratch.anotherPool(), projections: [] }).migrate(),
  );
  await Promise.all(many);
  const applied = await scratch.rows<{ name: string }>("select name from headstart_projections.migration");
  expect(new Set(applied.map(({ name }) => name)).size).toBe(applied.length);
});

it("a database that a newer release migrated is refused, and stays as it is", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  await bootstrap.migrate();
  await scratch.rows("insert into headstart_projections.migration (name) values ('9999-later.sql')");
  const older = createBootstrap({ pool: scratch.anotherPool(), projections: [totals()] });
  await expect(older.migrate()).rejects.toMatchObject({ code: "SCHEMA_TOO_NEW" });
  await expect(older.boot()).rejects.toMatchObject({ code: "SCHEMA_TOO_NEW" });
});
