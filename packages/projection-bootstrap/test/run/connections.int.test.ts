import pg from "pg";
import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("two connections are enough for everything at once: boots, followers, runners, rebuilds and appends", async () => {
  await using scratch = await scratchDatabase();
  const pool = new pg.Pool({ connectionString: scratch.url, max: 2 });
  const [sums, stories, kept] = [totals(), story(), totals({ name: "kept", identity: "k", mode: "inline" })];
  const projections = [sums, stories, kept];
  const bootstrap = createBootstrap({ pool, projections, page: { rows: 3 } });
  await bootstrap.boot();
  const stop = new AbortController();
  const runs = [1, 2, 3].map(() => bootstrap.run({ signal: stop.signal, pollMs: 5 }));
  const booted = await Promise.all([1, 2, 3].map(() => bootstrap.boot()));
  const followings = booted.map((each) => bootstrap.follow(each, { pollMs: 5 }));
  await Promise.all([
    ...[0, 1, 2, 3, 4, 5].map((each) => bootstrap.append(`s${each}`, amounts(each, each))),
    ...projections.map(({ name }) => bootstrap.rebuild(name)),
    ...[1, 2, 3].map(() => bootstrap.boot()),
    ...projections.map(({ name }) => bootstrap.verify(name)),
    bootstrap.status(),
    bootstrap.retentionFloor(),
  ]);
  const { events } = await bootstrap.append("last", amounts(7));
  for (const [index, following] of followings.entries()) {
    await following.whenApplied(events[0]!.position);
    expect(booted[index]?.model.get(sums, "last")).toEqual({ count: 1, sum: 7 });
    await expect.poll(() => following.health.listening).toBe(true);
  }
  const listeners = async () =>
    (
      await scratch.rows<{ pid: number }>(
        "select pid from pg_stat_activity where datname = current_database() and query like 'listen%'",
      )
    ).map(({ pid }) => pid);
  const [first, ...others] = await listeners();
  expect(others).toEqual([]);
  await scratch.rows("select pg_terminate_backend($1)", [first]);
  // All of them hear of it, and one connection listens for all again.
  await expect.poll(async () => (await listeners()).filter((pid) => pid !== first)).toHaveLength(1);
  await expect.poll(() => followings.every(({ health }) => health.listening)).toBe(true);
  const next = await bootstrap.append("next", amounts(8));
  for (const following of followings) await following.whenApplied(next.events[0]!.position);
  expect(await listeners()).toHaveLength(1);
  await Promise.all(followings.map((each) => each.close()));
  stop.abort();
  await Promise.all(runs);
  await expect.poll(listeners).toEqual([]);
  await bootstrap.catchUp();
  for (const { name } of projections) expect(await bootstrap.verify(name)).toMatchObject({ equal: true });
  await pool.end();
});

it("the first appends of a process may be in callers' transactions that have every connection", async () => {
  await using scratch = await scratchDatabase();
  await createBootstrap({ pool: scratch.pool, projections: [] }).migrate();
  const pool = new pg.Pool({ connectionString: scratch.url, max: 2 });
  const bootstrap = createBootstrap({ pool, projections: [] });
  const clients = [await pool.connect(), await pool.connect()];
  // Waits for a connection all the time that the appends take.
  const status = bootstrap.status();
  await Promise.all(
    clients.map(async (client, index) => {
      await client.query("begin");
      await bootstrap.append(`s${index}`, amounts(1), { client });
      await client.query("commit");
    }),
  );
  for (const client of clients) client.release();
  await status;
  expect(await scratch.rows("select from headstart_projections.event")).toHaveLength(2);
  await pool.end();
});

it("a pool with fewer connections than that is refused, by the name of its setting", async () => {
  await using scratch = await scratchDatabase();
  const pool = new pg.Pool({ connectionString: scratch.url, max: 1 });
  expect(() => createBootstrap({ pool, projections: [] })).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: expect.stringContaining("max is 1"),
    }) as Error,
  );
  await pool.end();
});
