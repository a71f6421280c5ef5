import type pg from "pg";
import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { changeOrdering } from "../../src/log/change-ordering.ts";
import type { StoredEvent } from "../../src/log/event-log.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { comparePositions } from "../../src/position.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { type Scratch, scratchDatabase } from "../support/scratch-database.ts";

async function scratchConnection({ pool }: Scratch): Promise<AsyncDisposable & { client: pg.PoolClient }> {
  const client = await pool.connect();
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.query("rollback");
      client.release();
    },
  };
}

describe("appending", () => {
  it("numbers the events of a stream, and holds writers to the version that they expect", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    const first = await bootstrap.append("a", amounts(1, 2), { expectedVersion: 0 });
    expect(first.version).toBe(2);
    expect(first.events.map(({ version }) => version)).toEqual([1, 2]);
    await expect(bootstrap.append("a", amounts(3), { expectedVersion: 0 })).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      message: "stream a is at version 2, not at 0",
    });
    expect((await bootstrap.append("a", amounts(3), { expectedVersion: 2 })).version).toBe(3);
  });

  it("lets one of many that expect the same version through", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await bootstrap.migrate();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => bootstrap.append("a", amounts(index), { expectedVersion: 0 })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("keeps a stream in the log's order, however many write to it", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await Promise.all(Array.from({ length: 40 }, (_, index) => bootstrap.append("a", amounts(index))));
    const rows = await scratch.rows<{ version: string }>(
      "select version::text as version from headstart_projections.event order by event.era, event.xid, event.number",
    );
    expect(rows.map(({ version }) => Number(version))).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it("refuses a transaction that took its number before the stream's last writer", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await bootstrap.migrate();
    const client = await scratch.pool.connect();
    try {
      await client.query("begin");
      await client.query("select pg_current_xact_id()");
      await bootstrap.append("a", amounts(1));
      await expect(bootstrap.append("a", amounts(2), { client })).rejects.toMatchObject({
        code: "APPEND_OUT_OF_ORDER",
        hint: expect.stringContaining("append before it writes anything else") as string,
      });
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  it("is part of the caller's transaction when it gets one", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await bootstrap.migrate();
    const client = await scratch.pool.connect();
    await client.query("begin");
    await bootstrap.append("a", amounts(1), { client });
    await bootstrap.append("a", amounts(2), { client });
    await client.query("rollback");
    client.release();
    expect(await scratch.rows("select from headstart_projections.event")).toHaveLength(0);
  });

  it.each(["repeatable read", "serializable"])(
    "refuses a %s transaction, whose one snapshot hides what came before it",
    async (level) => {
      await using scratch = await scratchDatabase();
      await using other = await scratchConnection(scratch);
      const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
      await bootstrap.migrate();
      await changeOrdering(scratch.pool, "serialized");
      await other.client.query(`begin isolation level ${level}`);
      await other.client.query("select pg_current_xact_id()");
      await bootstrap.append("b", amounts(2));
      await expect(bootstrap.append("a", amounts(7), { client: other.client })).rejects.toMatchObject({
        code: "ISOLATION_UNSUITABLE",
        hint: expect.stringContaining("read committed") as string,
      });
      await other.client.query("rollback");
      expect(await scratch.rows("select stream from headstart_projections.event")).toEqual([{ stream: "b" }]);
    },
  );

  it("refuses what JSON cannot say", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await expect(bootstrap.append("a", [{ type: "added", data: undefined }])).rejects.toMatchObject({
      code: "EVENT_INVALID",
    });
  });
});

describe("the fence", () => {
  it("hides what was committed after a transaction that is still open, and shows it once that has ended", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    const client = await scratch.pool.connect();
    await client.query("begin");
    await bootstrap.append("slow", amounts(1), { client });
    const { events } = await bootstrap.append("fast", amounts(2));

    const before = await bootstrap.boot();
    expect(before.model.get(sums, "fast")).toBeUndefined();
    expect(before.report.position).not.toBe(before.report.head);
    expect((await bootstrap.status()).blockedBy).toMatchObject({ state: "idle in transaction" });
    await bootstrap.catchUp();

    await client.query("commit");
    client.release();
    const after = await bootstrap.boot();
    expect(after.model.get(sums, "fast")).toEqual({ count: 1, sum: 2 });
    expect(after.model.get(sums, "slow")).toEqual({ count: 1, sum: 1 });
    expect(comparePositions(after.position, events[0]!.position)).toBe(0);
    await bootstrap.catchUp();
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 2 });
  });

  it("is the head in a serialized log, whoever else writes to the server", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const log = postgresLog({ ordering: "serialized" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], log });
    await bootstrap.migrate();
    const client = await scratch.pool.connect();
    await client.query("begin");
    await client.query("select pg_current_xact_id()");
    await bootstrap.append("a", amounts(1));
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
    expect(report.position).toBe(report.head);
    await expect(bootstrap.append("b", amounts(1), { client })).rejects.toMatchObject({
      code: "APPEND_OUT_OF_ORDER",
    });
    await client.query("rollback");
    client.release();
  });

  it("follows the ordering that the database was given, and refuses a process that expects another", async () => {
    await using scratch = await scratchDatabase();
    const one = createBootstrap({ pool: scratch.pool, projections: [] });
    await one.append("a", amounts(1));
    const other = createBootstrap({
      pool: scratch.pool,
      projections: [],
      log: postgresLog({ ordering: "serialized" }),
    });
    await expect(other.append("a", amounts(2))).rejects.toMatchObject({ code: "LOG_ORDERING_DIFFERS" });
    await changeOrdering(scratch.pool, "serialized");
    expect((await other.append("a", amounts(2))).version).toBe(2);
  });
});

describe("inline projections", () => {
  it("are in step with every append, and boot without reading an event", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    expect((await bootstrap.boot()).report.projections[0]).toMatchObject({
      found: "absent",
      mode: "rebuilt",
    });
    await bootstrap.append("a", amounts(2));
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    expect(report.reads.tail.rows).toBe(0);
  });

  it("boot exactly while appenders are open: rows and events are those of one snapshot", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const stories = story();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.append("before", amounts(3));
    await bootstrap.boot();
    const client = await scratch.pool.connect();
    await client.query("begin");
    await bootstrap.append("slow", amounts(3), { client });
    const { events } = await bootstrap.append("fast", amounts(6));

    const booted = await bootstrap.boot();
    const { model } = booted;
    expect(model.get(sums, "fast")).toEqual({ count: 1, sum: 6 });
    expect(model.get(sums, "slow")).toBeUndefined();
    // The other projection is beyond its fence as well, to be at the same events.
    expect(model.get(stories, "story 0")).toEqual({ text: "before.1 fast.1 " });
    expect(model.includes(events[0]!.position)).toBe(true);

    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    await client.query("commit");
    client.release();
    await following.poll();
    expect(model.get(sums, "slow")).toEqual({ count: 1, sum: 3 });
    // And once the slow transaction is there, its event comes first, as it does in the log.
    expect(model.get(stories, "story 0")).toEqual({ text: "before.1 slow.1 fast.1 " });
  });

  it("change a row in the log's order although streams that share it are written at once", async () => {
    await using scratch = await scratchDatabase();
    const stories = story({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [stories] });
    await bootstrap.boot();
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => bootstrap.append(`s${index % 7}`, amounts(index, index + 1))),
    );
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true, rows: 3 });
  });

  it.each([
    ["version", ({ version }: StoredEvent) => (version === 1 ? "streams" : undefined)],
    ["time", ({ recordedAt }: StoredEvent) => (recordedAt.getTime() > 0 ? "since 1970" : undefined)],
  ])("lose no update of a row whose key follows from an event's %s", async (_what, key) => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline", key });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await Promise.all(Array.from({ length: 40 }, (_, index) => bootstrap.append(`s${index}`, amounts(1))));
    const rows = [...(await bootstrap.boot()).model.entries(sums)].map(([, row]) => row);
    expect(rows).toEqual([{ count: 40, sum: 40 }]);
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true });
  });

  it("refuse a key that follows from the position, which is known too late to lock it", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline", key: ({ position }) => `at ${position.number}` });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await expect(bootstrap.append("a", amounts(1))).rejects.toMatchObject({
      code: "INLINE_FAILED",
      message: expect.stringContaining("may not depend on that") as string,
    });
    expect(await scratch.rows("select from headstart_projections.event")).toHaveLength(0);
  });

  it("refuse a transaction that took its number before a row's last writer, whatever the stream", async () => {
    await using scratch = await scratchDatabase();
    const stories = story({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [stories] });
    await bootstrap.boot();
    const client = await scratch.pool.connect();
    await client.query("begin");
    await client.query("select pg_current_xact_id()");
    await bootstrap.append("a", amounts(0));
    await expect(bootstrap.append("b", amounts(3), { client })).rejects.toMatchObject({
      code: "APPEND_OUT_OF_ORDER",
      message: expect.stringContaining("row story 0 of story") as string,
    });
    await client.query("rollback");
    client.release();
    await bootstrap.append("b", amounts(3));
    expect((await bootstrap.boot()).model.get(stories, "story 0")).toEqual({ text: "a.1 b.1 " });
  });

  it("know the last writer of a row that is gone, so that it does not come back out of order", async () => {
    await using scratch = await scratchDatabase();
    const stories = story({
      mode: "inline",
      apply: ({ text }, { stream, data }) => (data.amount < 0 ? undefined : { text: `${text}${stream} ` }),
    });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [stories] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(3));
    const client = await scratch.pool.connect();
    await client.query("begin");
    await client.query("select pg_current_xact_id()");
    await bootstrap.append("a", amounts(-3));
    await expect(bootstrap.append("b", amounts(3), { client })).rejects.toMatchObject({
      code: "APPEND_OUT_OF_ORDER",
    });
    await client.query("rollback");
    client.release();
    expect((await bootstrap.boot()).model.size(stories)).toBe(0);
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true });
  });

  it("refuse an appender that has other code for them, and one that has none", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals({ mode: "inline" })] });
    await bootstrap.boot();
    const none = createBootstrap({ pool: scratch.pool, projections: [] });
    await expect(none.append("a", amounts(1))).rejects.toMatchObject({ code: "INLINE_MISMATCH" });
    const newer = createBootstrap({
      pool: scratch.pool,
      projections: [totals({ mode: "inline", identity: "totals 2" })],
    });
    await expect(newer.append("a", amounts(1))).rejects.toMatchObject({ code: "INLINE_MISMATCH" });
    await newer.boot();
    expect((await newer.append("a", amounts(1))).version).toBe(1);
    await expect(bootstrap.append("a", amounts(1))).rejects.toMatchObject({ code: "INLINE_MISMATCH" });
    await newer.retire("totals");
    expect((await none.append("a", amounts(1))).version).toBe(2);
  });

  it("refuse the append that they cannot take", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({
      mode: "inline",
      apply: (state, { data }) => {
        if (data.amount < 0) throw new Error("no debts");
        return { count: state.count + 1, sum: state.sum + data.amount };
      },
    });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await expect(bootstrap.append("a", amounts(1, -1))).rejects.toMatchObject({
      code: "INLINE_FAILED",
      message: expect.stringContaining("no debts") as string,
    });
    expect((await bootstrap.append("a", amounts(1))).version).toBe(1);
    expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
  });

  it("become current without a gap when appends go on while they are built", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 5 } });
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => bootstrap.append(`s${index % 3}`, amounts(index))),
    );
    let building = true;
    const appending = (async () => {
      let index = 0;
      while (building) await bootstrap.append(`s${index % 3}`, amounts(index++));
    })();
    await bootstrap.boot();
    building = false;
    await appending;
    await bootstrap.append("s0", amounts(1));
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 3 });
  });
});
