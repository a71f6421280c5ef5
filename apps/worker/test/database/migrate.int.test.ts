import { expect, test } from "vitest";
import { beat, forgetWorkers, leave } from "../../src/database/workers.ts";
import { migrate } from "../../src/database/migrate.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

test("any number of workers may migrate at the same time: each step is applied once", async () => {
  await using database = await scratchDatabase({ migrated: false });
  const applied = await Promise.all(Array.from({ length: 6 }, async () => await migrate(database.db)));
  expect(applied.flat()).toEqual(["0001-workers.sql", "0002-deliveries.sql"]);
  expect(await migrate(database.db)).toEqual([]);
});

test("a schema that a newer worker has migrated is left alone", async () => {
  await using database = await scratchDatabase();
  await database.db.query("insert into headstart_worker.migrations (name) values ('9999-later.sql')");
  await expect(migrate(database.db)).rejects.toMatchObject({ code: "SCHEMA_TOO_NEW" });
});

test("a worker's row follows its heartbeats, and one that was not seen for long is forgotten", async () => {
  await using database = await scratchDatabase();
  const { db } = database;
  const heartbeat = {
    host: "a",
    pid: 1,
    version: "1.0.0",
    startedAt: new Date(),
    concurrency: 4,
    building: 2,
    draining: false,
    failingLoops: ["listen"],
  };
  for (const id of ["a:1", "b:1", "c:1"]) await beat(db, { ...heartbeat, id });
  await beat(db, { ...heartbeat, id: "a:1", building: 3, failingLoops: [] });
  await db.query("update headstart_worker.workers set seen_at = now() - interval '2 min' where id = 'b:1'");
  await leave(db, "c:1");
  expect(await forgetWorkers(db, 60_000)).toBe(1);
  const { rows } = await db.query("select id, building, failing_loops from headstart_worker.workers");
  expect(rows).toEqual([{ id: "a:1", building: 3, failing_loops: [] }]);
});
