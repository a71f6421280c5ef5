import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import type { EventLog } from "../../src/log/event-log.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { amounts, totals } from "../support/projections.ts";
import { type Scratch, scratchDatabase } from "../support/scratch-database.ts";

/** A log that calls `during` before each page that it reads. */
function observed(during: () => Promise<void>): EventLog {
  const own = postgresLog();
  return {
    ...own,
    read: async (client, range) => {
      await during();
      return await own.read(client, range);
    },
  };
}

function fragile(refused: Set<number>) {
  return totals({
    apply: (state, { data }) => {
      if (refused.has(data.amount)) throw new Error(`no ${data.amount}`);
      return { count: state.count + 1, sum: state.sum + data.amount };
    },
  });
}

/** Six events, of which a key's last ones are set aside. */
async function withParked(scratch: Scratch) {
  const refused = new Set([7]);
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [fragile(refused)] });
  await bootstrap.boot();
  await bootstrap.append("a", amounts(1, 2, 7, 3));
  await bootstrap.append("b", amounts(4, 5));
  await bootstrap.catchUp();
  refused.clear();
  return {
    bootstrap,
    /** A process that redrives, and calls `during` before each page of one event. */
    redriving: (during: () => Promise<void>, leaseMs?: number) =>
      createBootstrap({
        pool: scratch.anotherPool(),
        projections: [fragile(refused)],
        log: observed(during),
        page: { rows: 1 },
        leaseMs,
      }),
  };
}

it("a redrive holds nobody's fence back while it folds, and says how far it is", async () => {
  await using scratch = await scratchDatabase();
  const { bootstrap, redriving } = await withParked(scratch);
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted);
  let pages = 0;
  const other = redriving(async () => {
    if (pages++ !== 2) return;
    const { events } = await bootstrap.append("c", amounts(6));
    await following.whenApplied(events[0]!.position);
  });
  const read: number[] = [];
  const onProgress = (events: number): void => void read.push(events);
  expect(await other.redrive("totals", { onProgress })).toMatchObject({ repaired: ["a"] });
  expect(read).toEqual([1, 2, 3, 4, 5, 6]);
  await bootstrap.catchUp();
  expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, parked: [], rows: 3 });
});

it("a redrive keeps its right to write for as long as it folds", async () => {
  await using scratch = await scratchDatabase();
  const { redriving } = await withParked(scratch);
  const leaseMs = 400;
  const until: Date[] = [];
  const other = redriving(async () => {
    const lease = async () => {
      const [row] = await scratch.rows<{ until: Date; left: number }>(
        `select lease_until as until, extract(epoch from lease_until - clock_timestamp())::float8 * 1000 as left
           from headstart_projections.version`,
      );
      return row!;
    };
    until.push((await lease()).until);
    await expect.poll(async () => (await lease()).left).toBeLessThan(leaseMs / 5);
  }, leaseMs);
  expect(await other.redrive("totals")).toMatchObject({ repaired: ["a"] });
  expect(until).toHaveLength(6);
  expect(Number(until.at(-1)) - Number(until[0])).toBeGreaterThan(leaseMs);
});

it("a redrive that lost its right writes nothing", async () => {
  await using scratch = await scratchDatabase();
  const { bootstrap, redriving } = await withParked(scratch);
  let pages = 0;
  const other = redriving(async () => {
    if (pages++ === 2) await scratch.pool.query("update headstart_projections.version set epoch = epoch + 1");
  });
  await expect(other.redrive("totals")).rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, parked: ["a"] });
});

it("appends go on while an inline row is folded again, and none of them is lost", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals({ mode: "inline" });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.append("a", amounts(1, 2, 3));
  await bootstrap.boot();
  await scratch.pool.query(
    `update headstart_projections.totals set state = '{"count":50,"sum":50}' where key = 'a'`,
  );
  let pages = 0;
  const other = createBootstrap({
    pool: scratch.anotherPool(),
    projections: [sums],
    page: { rows: 1 },
    log: observed(async () => {
      if (pages++ !== 1) return;
      for (const stream of ["a", "b", "a"]) await bootstrap.append(stream, amounts(10, 20));
    }),
  });
  expect(await other.redrive("totals", { key: "a" })).toMatchObject({ repaired: ["a"] });
  expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 7, sum: 66 });
  expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 2 });
});

it("an inline row whose write gave up on a lock is folded from the beginning again, not on top of itself", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals({ mode: "inline" });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.append("a", amounts(1, 2, 3));
  await bootstrap.boot();
  const [version] = (await bootstrap.status()).projections[0]!.versions;
  await scratch.pool.query(
    `update headstart_projections.totals set state = '{"count":50,"sum":50}' where key = 'a'`,
  );
  // Holds the fence back, so that only the last part of the fold, with appends held up, sees the 10.
  const writer = await scratch.anotherPool().connect();
  await writer.query("begin; select pg_current_xact_id()");
  await bootstrap.append("a", amounts(10));
  const locker = await scratch.anotherPool().connect();
  await locker.query(`begin; lock table headstart_projections.rows_${version!.id} in share mode`);
  const own = postgresLog();
  let horizons = 0;
  const other = createBootstrap({
    pool: scratch.anotherPool(),
    projections: [sums],
    log: {
      ...own,
      horizon: async (client, settled) => {
        // Two for each attempt: the third is the second attempt's first.
        if (++horizons === 3) await locker.query("commit");
        return await own.horizon(client, settled);
      },
    },
  });
  expect(await other.redrive("totals", { key: "a" })).toMatchObject({ repaired: ["a"] });
  expect(horizons).toBeGreaterThanOrEqual(4);
  await writer.query("commit");
  writer.release();
  locker.release();
  expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 4, sum: 16 });
  expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 1 });
});
