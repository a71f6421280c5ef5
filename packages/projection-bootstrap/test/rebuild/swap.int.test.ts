import type pg from "pg";
import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import type { EventLog } from "../../src/log/event-log.ts";
import { changeOrdering } from "../../src/log/change-ordering.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

const appendLock = "hashtextextended('headstart_projections.append', 0)";

/** Whether an append would have to wait for the lock now. */
async function appendsWait(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ free: boolean }>(
    `select pg_try_advisory_xact_lock_shared(${appendLock}) as free`,
  );
  return rows[0]?.free === false;
}

/** Whether somebody wants appends to stop, and does not get it. */
async function someoneWaitsForAppends(pool: pg.Pool): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and not granted
        and (classid::bigint << 32 | objid::bigint) = ${appendLock}`,
  );
  return (rowCount ?? 0) > 0;
}

describe("a rebuild of inline rows", () => {
  it("folds a backlog while appends go on, and lets them wait for one page at most", async () => {
    await using scratch = await scratchDatabase();
    const watcher = scratch.anotherPool();
    const sums = totals({ mode: "inline" });
    const own = createBootstrap({ pool: watcher, projections: [sums] });
    await own.append("a", amounts(1, 1, 1));
    await own.boot();
    const log = postgresLog();
    const reads: { events: number; held: boolean }[] = [];
    const watched: EventLog = {
      ...log,
      read: async (client, range) => {
        // What comes while the first pass reads is a backlog of many pages.
        if (reads.length === 0) await own.append("a", amounts(...Array<number>(40).fill(1)));
        const page = await log.read(client, range);
        reads.push({ events: page.events.length, held: await appendsWait(watcher) });
        return page;
      },
    };
    const page = { rows: 5 };
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], log: watched, page });
    await bootstrap.rebuild("totals");
    const sum = (held: boolean) => reads.filter((read) => read.held === held).map(({ events }) => events);
    expect(sum(true).length).toBeLessThanOrEqual(1);
    expect(Math.max(0, ...sum(true))).toBeLessThanOrEqual(5);
    expect(sum(false).reduce((all, events) => all + events, 0)).toBeGreaterThanOrEqual(38);
    expect((await own.boot()).model.get(sums, "a")).toEqual({ count: 43, sum: 43 });
    expect(await own.verify("totals")).toMatchObject({ equal: true });
  });

  it("that waits for an open append lets the others through, and is done after it", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    const open = await scratch.anotherPool().connect();
    await open.query("begin");
    await bootstrap.append("open", amounts(5), { client: open });
    const rebuilding = bootstrap.rebuild("totals");
    await expect.poll(() => someoneWaitsForAppends(scratch.pool)).toBe(true);
    // Behind the one that waits, and before the one that it waits for has ended.
    await bootstrap.append("b", amounts(2));
    await open.query("commit");
    open.release();
    await rebuilding;
    const { model } = await bootstrap.boot();
    expect(Object.fromEntries(model.entries(sums))).toEqual({
      a: { count: 1, sum: 1 },
      b: { count: 1, sum: 2 },
      open: { count: 1, sum: 5 },
    });
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true });
  });
});

it("a swap does not let readers of the view wait behind it for one that takes long", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.append("a", amounts(1));
  await bootstrap.boot();
  const reader = await scratch.anotherPool().connect();
  const select = "select state from headstart_projections.totals";
  await reader.query("begin");
  await reader.query(select);
  const rebuilding = bootstrap.rebuild("totals");
  await expect
    .poll(() => scratch.rows("select from pg_locks where mode = 'AccessExclusiveLock' and not granted"))
    .toHaveLength(1);
  expect(await scratch.rows(select)).toEqual([{ state: { count: 1, sum: 1 } }]);
  await reader.query("commit");
  reader.release();
  expect(await rebuilding).toMatchObject({ active: true });
});

describe("what needs appends to stop lets them through while it waits", () => {
  it("for a reader of the view that a projection is retired with", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    const reader = await scratch.anotherPool().connect();
    await reader.query("begin");
    await reader.query("select state from headstart_projections.totals");
    const retiring = bootstrap.retire("totals");
    await expect
      .poll(() => scratch.rows("select from pg_locks where mode = 'AccessExclusiveLock' and not granted"))
      .toHaveLength(1);
    await bootstrap.append("b", amounts(2));
    await reader.query("commit");
    reader.release();
    await retiring;
    expect(await scratch.rows("select to_regclass('headstart_projections.totals') as view")).toEqual([
      { view: null },
    ]);
    expect((await bootstrap.status()).projections[0]).toMatchObject({ state: "absent" });
  });

  it("for an append in another transaction, when an inline row is folded again", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.boot();
    await scratch.rows(
      `update headstart_projections.totals set state = '{"count":9,"sum":9}' where key = 'a'`,
    );
    const open = await scratch.anotherPool().connect();
    await open.query("begin");
    await bootstrap.append("open", amounts(5), { client: open });
    const redriving = bootstrap.redrive("totals", { key: "a" });
    await expect.poll(() => someoneWaitsForAppends(scratch.pool)).toBe(true);
    await bootstrap.append("b", amounts(2));
    await open.query("commit");
    open.release();
    expect(await redriving).toMatchObject({ repaired: ["a"] });
    expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 3 });
  });

  it("for an append in another transaction, when the ordering is changed", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await bootstrap.migrate();
    const open = await scratch.anotherPool().connect();
    await open.query("begin");
    await bootstrap.append("open", amounts(5), { client: open });
    const stop = new AbortController();
    const given = changeOrdering(scratch.pool, "serialized", { signal: stop.signal });
    const ended = expect(given).rejects.toMatchObject({ name: "AbortError" });
    const changing = changeOrdering(scratch.pool, "serialized");
    await expect.poll(() => someoneWaitsForAppends(scratch.pool)).toBe(true);
    await bootstrap.append("b", amounts(2));
    stop.abort();
    await ended;
    await open.query("commit");
    open.release();
    await changing;
    expect(await scratch.rows("select ordering from headstart_projections.log_setting")).toEqual([
      { ordering: "serialized" },
    ]);
  });
});

it("a projection that is retired just before a swap stays so", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals({ mode: "inline" });
  const other = createBootstrap({ pool: scratch.anotherPool(), projections: [sums] });
  await other.append("a", amounts(1));
  await other.boot();
  const log = postgresLog();
  const retiring: EventLog = {
    ...log,
    // Asked last before the swap, which then has nothing left to fold.
    countAfter: async (...asked) => {
      const left = await log.countAfter(...asked);
      await other.retire("totals");
      return left;
    },
  };
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], log: retiring });
  await expect(bootstrap.rebuild("totals")).rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(await scratch.rows("select to_regclass('headstart_projections.totals') as view")).toEqual([
    { view: null },
  ]);
  expect((await other.status()).projections[0]).toMatchObject({ state: "absent" });
});

it("a rollback does not let readers of the view wait behind it, and ends with its signal", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  await bootstrap.append("a", amounts(1));
  await bootstrap.boot();
  await bootstrap.rebuild("totals");
  const reader = await scratch.anotherPool().connect();
  const select = "select state from headstart_projections.totals";
  await reader.query("begin");
  await reader.query(select);
  const waiting = () =>
    scratch.rows("select from pg_locks where mode = 'AccessExclusiveLock' and not granted");
  const stop = new AbortController();
  const given = bootstrap.rollback("totals", { signal: stop.signal });
  const ended = expect(given).rejects.toMatchObject({ name: "AbortError" });
  await expect.poll(waiting).toHaveLength(1);
  stop.abort();
  await ended;
  const rollingBack = bootstrap.rollback("totals");
  await expect.poll(waiting).toHaveLength(1);
  expect(await scratch.rows(select)).toEqual([{ state: { count: 1, sum: 1 } }]);
  await reader.query("commit");
  reader.release();
  expect(await rollingBack).toMatchObject({ projection: "totals" });
});
