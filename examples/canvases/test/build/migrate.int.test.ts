import pg from "pg";
import { expect, test } from "vitest";
import { migrate } from "../../build/migrate.ts";
import { scratchDatabase } from "../scratch-database.ts";

async function connect(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

async function applied(client: pg.Client): Promise<number[]> {
  const { rows } = await client.query<{ number: number }>("select number from migration order by number");
  return rows.map((row) => row.number);
}

test("applies each migration once, however many processes migrate at the same time", async () => {
  await using database = await scratchDatabase();
  await using one = await connect(database.url);
  await using other = await connect(database.url);
  await Promise.all([migrate(one), migrate(other)]);
  expect(await applied(one)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("stops where it is told to, and goes on from there", async () => {
  await using database = await scratchDatabase();
  await using client = await connect(database.url);
  await migrate(client, { through: 2 });
  expect(await applied(client)).toEqual([1, 2]);
  await migrate(client);
  expect(await applied(client)).toHaveLength(10);
});

test("refuses to go on when a migration was edited after it was applied", async () => {
  await using database = await scratchDatabase();
  await using client = await connect(database.url);
  await migrate(client, { through: 1 });
  await client.query("update migration set sha256 = 'of another text'");
  await expect(migrate(client)).rejects.toThrow('migration "0001-places-and-people.sql" was edited');
  expect(await applied(client)).toEqual([1]);
});
