import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { ProjectionError } from "../../src/errors.ts";
import { type EventLog, readPages } from "../../src/log/event-log.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { beginning } from "../../src/position.ts";
import { defineProjection } from "../../src/projection/define-projection.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** Mistakes that were made in the field, each of which lost or corrupted somebody's read model. */
describe("traps of the field", () => {
  it("1: a page's limit is not the limit of what is read", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 10 } });
    await bootstrap.boot();
    for (let index = 0; index < 5; index++) await bootstrap.append("a", amounts(...Array<number>(7).fill(1)));
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual({ count: 35, sum: 35 });
    expect(report.reads.tail).toMatchObject({ rows: 35, pages: 4 });
    expect((await bootstrap.catchUp()).read.rows).toBe(35);
    expect((await bootstrap.boot()).report.reads.tail.rows).toBe(0);
  });

  it("2: a missing checkpoint is not the beginning", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({
      pool: scratch.pool,
      projections: [sums],
      policy: { absent: "refuse" },
    });
    await bootstrap.append("a", amounts(1));
    await expect(bootstrap.boot()).rejects.toMatchObject({ code: "PROJECTION_REFUSED" });
    expect((await bootstrap.catchUp()).projections[0]).toMatchObject({ outcome: "absent" });
    const built = await bootstrap.rebuild("totals");
    await scratch.pool.query("delete from headstart_projections.version where id = $1", [built.versionId]);
    await expect(bootstrap.boot()).rejects.toMatchObject({ message: "totals is absent: it was never built" });
  });

  it("3: the position is not the lowest checkpoint: everything is brought to the fence", async () => {
    await using scratch = await scratchDatabase();
    const [sums, stories] = [totals(), story()];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(1, 2));
    await createBootstrap({ pool: scratch.pool, projections: [sums] }).catchUp();
    await bootstrap.append("a", amounts(3));
    const { model, report } = await bootstrap.boot();
    expect(report.position).toBe(report.head);
    for (const each of [sums, stories]) {
      expect(sorted(model.entries<unknown>(each))).toEqual(sorted(await fullFold(scratch.pool, each)));
    }
    expect(report.projections.map(({ applied }) => applied)).toEqual([1, 3]);
  });

  it("4: a row that memory and the database would hold differently is refused everywhere", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({
      apply: (state, { data }) => ({ count: state.count + 1, sum: state.sum, last: data.amount }) as never,
    });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(1));
    await expect(bootstrap.boot()).rejects.toMatchObject({ code: "STATE_NOT_PLAIN" });
    await bootstrap.catchUp();
    expect(await scratch.rows("select key from headstart_projections.totals")).toEqual([]);
    expect((await bootstrap.status()).projections[0]?.versions[0]?.parked).toBe(1);
  });

  it("5: an appending fold is applied once, however often its page is tried", async () => {
    await using scratch = await scratchDatabase();
    const stories = story();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [stories] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(0, 0, 0));
    await Promise.all([
      bootstrap.catchUp(),
      createBootstrap({ pool: scratch.anotherPool(), projections: [stories] }).catchUp(),
      createBootstrap({ pool: scratch.anotherPool(), projections: [stories] }).catchUp(),
    ]);
    await bootstrap.catchUp();
    expect((await bootstrap.boot()).model.get(stories, "story 0")).toEqual({ text: "a.1 a.2 a.3 " });
  });

  it("6: what is appended between the boot's snapshot and the subscription is not lost", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    const booted = await bootstrap.boot();
    await bootstrap.append("a", amounts(1));
    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    const { events } = await bootstrap.append("a", amounts(2));
    await following.whenApplied(events[0]!.position);
    expect(booted.model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
  });

  it("7: catching up ends at the fence that it began with", async () => {
    await using scratch = await scratchDatabase();
    const own = createBootstrap({ pool: scratch.pool, projections: [] });
    const log = postgresLog();
    let reads = 0;
    const growing: EventLog = {
      ...log,
      read: async (client, range) => {
        if (reads++ < 50) await own.append("more", amounts(1, 1, 1));
        return await log.read(client, range);
      },
    };
    const bootstrap = createBootstrap({
      pool: scratch.pool,
      projections: [totals()],
      log: growing,
      page: { rows: 2 },
    });
    await bootstrap.boot();
    await own.append("a", amounts(1, 1, 1, 1));
    const { read } = await bootstrap.catchUp();
    expect(read.rows).toBe(4);
  });

  it("8: a boot runs nothing but the fold, and the fold is not given anything to act with", async () => {
    await using scratch = await scratchDatabase();
    const seen: unknown[][] = [];
    const sums = totals({
      apply: (...given) => {
        seen.push(given);
        return given[0];
      },
    });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    expect(Object.keys(seen[0]?.[2] as object)).toEqual(["key", "get"]);
    const calls = seen.length;
    await bootstrap.boot();
    expect(seen).toHaveLength(calls);
  });

  it("9: a checkpoint never goes back, and a rebuild begins at the beginning all the same", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.boot();
    const rebuilt = await bootstrap.rebuild("totals");
    expect(rebuilt.read.rows).toBe(2);
    expect((await bootstrap.boot()).report.projections[0]).toMatchObject({
      versionId: rebuilt.versionId,
      found: "ready",
    });
  });

  it("10: what was set aside under old code does not hold up the new", async () => {
    await using scratch = await scratchDatabase();
    const broken = totals({
      apply: () => {
        throw new Error("always");
      },
    });
    const old = createBootstrap({ pool: scratch.pool, projections: [broken] });
    await old.boot();
    await old.append("a", amounts(1));
    await old.catchUp();
    expect((await old.status()).projections[0]).toMatchObject({ state: "poisoned" });
    const sums = totals({ identity: "totals 2" });
    const { model, report } = await createBootstrap({ pool: scratch.pool, projections: [sums] }).boot();
    expect(model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
    expect(report.projections[0]).toMatchObject({ found: "stale-code", mode: "rebuilt", parked: [] });
  });

  it("11: verification compares with the rows' own position, not with the head", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    await bootstrap.append("a", amounts(2, 3));
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 1, read: { rows: 1 } });
  });

  it("12: code that folds otherwise than before is not locked out, and the repair needs no boot", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    const doubled = totals({
      identity: "totals 2",
      apply: (state, { data }) => ({ count: state.count + 1, sum: state.sum + 2 * data.amount }),
    });
    const changed = createBootstrap({
      pool: scratch.pool,
      projections: [doubled],
      policy: { staleCode: "refuse" },
    });
    await expect(changed.boot()).rejects.toMatchObject({ code: "PROJECTION_REFUSED" });
    await changed.rebuild("totals");
    expect((await changed.boot()).model.get(doubled, "a")).toEqual({ count: 1, sum: 2 });
  });

  it("13: rows, checkpoints and fence are of one snapshot, whatever is written in between", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const writer = createBootstrap({ pool: scratch.anotherPool(), projections: [sums] });
    await writer.boot();
    await writer.append("a", amounts(1));
    const log = postgresLog();
    let meddled = false;
    const bootstrap = createBootstrap({
      pool: scratch.pool,
      projections: [sums],
      log: {
        ...log,
        horizon: async (client, settled) => {
          const horizon = await log.horizon(client, settled);
          if (!meddled) {
            meddled = true;
            await writer.append("a", amounts(2));
            await writer.catchUp();
          }
          return horizon;
        },
      },
    });
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
    expect(report.projections[0]).toMatchObject({ found: "behind", applied: 1 });
  });

  it("14: a listener that died is noticed, and events are found without it", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    const booted = await bootstrap.boot();
    await using following = bootstrap.follow(booted, { pollMs: 20 });
    const one = await bootstrap.append("a", amounts(1));
    await following.whenApplied(one.events[0]!.position);
    const killed = await scratch.rows<{ ended: boolean }>(
      `select pg_terminate_backend(pid) as ended from pg_stat_activity
        where datname = current_database() and query ilike 'listen%'`,
    );
    expect(killed).toEqual([{ ended: true }]);
    const two = await bootstrap.append("a", amounts(2));
    await following.whenApplied(two.events[0]!.position);
    await expect.poll(() => following.health).toMatchObject({ healthy: true, listening: true });
  });

  it("14: a log whose appends wake nobody is followed by polling", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const log = postgresLog({ notify: false });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], log });
    const booted = await bootstrap.boot();
    await using following = bootstrap.follow(booted, { pollMs: 10 });
    await bootstrap.append("a", amounts(1));
    await expect.poll(() => booted.model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
    expect(following.health.listening).toBe(false);
  });

  it("15: an empty log can be built from, booted, rebuilt and verified", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    expect(await bootstrap.boot()).toMatchObject({ kind: "complete", position: beginning });
    await bootstrap.rebuild("totals");
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 0 });
    expect((await bootstrap.boot()).model.size(sums)).toBe(0);
  });

  it("16: two projections that share a stream are rebuilt each in full", async () => {
    await using scratch = await scratchDatabase();
    const [sums, again] = [totals(), totals({ name: "again", identity: "again 1" })];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, again] });
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.boot();
    await Promise.all([bootstrap.rebuild("totals"), bootstrap.rebuild("again")]);
    const { model } = await bootstrap.boot();
    expect([model.get(sums, "a"), model.get(again, "a")]).toEqual([
      { count: 2, sum: 3 },
      { count: 2, sum: 3 },
    ]);
  });

  it("17: the tail query stays on the order's index, with and without types", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    await bootstrap.migrate();
    await scratch.pool.query(
      `insert into headstart_projections.event (era, stream, version, type, data)
       select 1, 's' || n % 50, n / 50 + 1, case when n % 1000 = 0 then 'rare' else 'common' end, '{}'
         from generate_series(1, 20000) as n`,
    );
    await scratch.pool.query("create index on headstart_projections.event (type)");
    await scratch.pool.query("analyze headstart_projections.event");
    const { pageQuery } = await import("../../src/log/read-page.ts");
    const { ownColumns } = await import("../../src/log/postgres-log.ts");
    for (const types of [null, ["rare"]]) {
      const { rows } = await scratch.pool.query<{ "QUERY PLAN": string }>(
        `explain ${pageQuery(ownColumns, false)}`,
        [1, "0", "10000", 1, "999999999", "20000", types, 500, 1_000_000],
      );
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).toMatch(/Index Scan using event_pkey/);
      expect(plan).not.toMatch(/Bitmap|Seq Scan|event_type_idx/);
    }
  });

  it("18: one stored row that cannot be read costs that row's events, and fails nothing", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.append("b", amounts(3));
    const { report } = await bootstrap.boot();
    const table = `headstart_projections.rows_${report.projections[0]?.versionId}`;
    await scratch.pool.query(`update ${table} set state = '{"count":"two"}' where key = 'a'`);
    const booted = await bootstrap.boot();
    expect(booted.model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    expect(booted.report.projections[0]).toMatchObject({ refolded: ["a"] });
    expect(booted.report.reads.refold.rows).toBe(3);
    expect(await bootstrap.redrive("totals", { key: "a" })).toMatchObject({ repaired: ["a"] });
    expect((await bootstrap.boot()).report.reads.refold.rows).toBe(0);
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true });
  });

  it("19: a rebuilt inline projection moves on with the next append", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    await bootstrap.rebuild("totals");
    await bootstrap.append("a", amounts(2));
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    expect(report.projections[0]).toMatchObject({ found: "ready", mode: "snapshot" });
    expect((await bootstrap.status()).projections[0]).toMatchObject({ lagEvents: undefined });
  });

  it("20: an interrupted rebuild keeps what it has in tables, and leaves the old rows alone", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 2 } });
    await bootstrap.append("a", amounts(1, 2, 3, 4, 5, 6));
    await bootstrap.boot();
    const stop = new AbortController();
    const interrupted = bootstrap.rebuild("totals", {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("stopped")),
    });
    await expect(interrupted).rejects.toThrow("stopped");
    const another = createBootstrap({ pool: scratch.anotherPool(), projections: [sums], page: { rows: 2 } });
    expect((await another.boot()).report.projections[0]).toMatchObject({ found: "ready" });
    const { read } = await another.rebuild("totals");
    expect(read.rows).toBeLessThan(6);
    expect(await another.verify("totals")).toMatchObject({ equal: true, rows: 1 });
    expect((await another.boot()).model.get(sums, "a")).toEqual({ count: 6, sum: 21 });
  });
});

describe("latent defects of the original", () => {
  it("one fold makes memory and rows, so neither caps what the other keeps", async () => {
    await using scratch = await scratchDatabase();
    const stories = story();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [stories], page: { rows: 100 } });
    const booted = await bootstrap.boot();
    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    await bootstrap.append("long", amounts(...Array<number>(2500).fill(0)));
    await following.poll();
    await bootstrap.catchUp();
    const again = await bootstrap.boot();
    expect(again.model.get(stories, "story 0")).toEqual(booted.model.get(stories, "story 0"));
    expect(again.model.get(stories, "story 0")?.text).toContain("long.2500 ");
  });

  it("a checkpoint is compared before it is set: a second writer changes nothing", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    await bootstrap.append("a", amounts(2));
    const log = postgresLog();
    const meddling = createBootstrap({
      pool: scratch.pool,
      projections: [sums],
      log: {
        ...log,
        read: async (client, range) => {
          await scratch.pool.query("update headstart_projections.version set number = number + 1");
          return await log.read(client, range);
        },
      },
    });
    const { projections } = await meddling.catchUp();
    expect(projections[0]).toMatchObject({ outcome: "stopped", error: { code: "CHECKPOINT_CONFLICT" } });
    expect(await scratch.rows("select state from headstart_projections.totals")).toEqual([
      { state: { count: 1, sum: 1 } },
    ]);
  });

  it("the tail is read once for all projections, and written a page at a time", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals(), story()] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(...Array<number>(50).fill(1)));
    const { read } = await bootstrap.catchUp();
    expect(read).toMatchObject({ rows: 50, pages: 1 });
  });

  it("statements do not grow with the events of a page or the rows of a table", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.boot();
    const count = async (events: number): Promise<number> => {
      for (let each = 0; each < events; each++) await bootstrap.append(`s${each}`, amounts(each));
      let statements = 0;
      const pool = scratch.anotherPool();
      pool.on("connect", (client) => {
        const query = client.query.bind(client) as (...given: unknown[]) => unknown;
        client.query = ((...given: unknown[]) => {
          statements++;
          return query(...given);
        }) as typeof client.query;
      });
      await createBootstrap({ pool, projections: [totals()] }).catchUp();
      return statements;
    };
    const few = await count(2);
    expect(await count(60)).toBe(few);
  });

  it("a boot needs no projection but those of its model, and every one of those", async () => {
    await using scratch = await scratchDatabase();
    const [sums, stories] = [totals(), story()];
    await createBootstrap({ pool: scratch.pool, projections: [sums] }).boot();
    const { model } = await createBootstrap({ pool: scratch.pool, projections: [sums] }).boot();
    expect(() => model.get(stories, "story 0")).toThrow(ProjectionError);
    const both = createBootstrap({
      pool: scratch.pool,
      projections: [sums, stories],
      policy: { absent: "refuse" },
    });
    await expect(both.boot()).rejects.toMatchObject({
      message: expect.stringContaining("story is absent") as string,
    });
  });

  it("keys say their scope: a projection sees only rows that it named", async () => {
    await using scratch = await scratchDatabase();
    const peeking = defineProjection<{ seen: number }>({
      name: "peeking",
      identity: "1",
      key: ({ stream }) => stream,
      reads: ({ stream }) => (stream === "b" ? ["a"] : []),
      schema: z.object({ seen: z.number() }),
      init: () => ({ seen: 0 }),
      apply: (state, { stream }, { get }) => ({
        seen: state.seen + 1 + (get(stream === "c" ? "z" : "a")?.seen ?? 0),
      }),
    });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [peeking] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.append("b", amounts(1));
    expect((await bootstrap.boot()).model.get(peeking, "b")).toEqual({ seen: 2 });
    await bootstrap.append("c", amounts(1));
    await expect(bootstrap.boot()).rejects.toMatchObject({
      code: "POISON_EVENT",
      cause: { code: "READ_NOT_DECLARED" },
    });
  });

  it("keys of one event are each folded alone: one sees another only if reads says so", async () => {
    await using scratch = await scratchDatabase();
    const pairs = (declared: boolean) =>
      totals({
        identity: `pairs, declared: ${declared}`,
        key: () => ["a", "b"],
        reads: declared ? () => ["a"] : undefined,
        apply: ({ count, sum }, { data }, { key, get }) => ({
          count: count + 1,
          sum: key === "b" ? (get("a")?.sum ?? 0) : sum + data.amount,
        }),
      });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [pairs(true)] });
    await bootstrap.append("x", amounts(5, 6));
    await bootstrap.boot();
    const table = "headstart_projections.totals";
    await scratch.pool.query(`update ${table} set state = '{}' where key = 'b'`);
    expect((await bootstrap.boot()).model.get(pairs(true), "b")).toEqual({ count: 2, sum: 11 });
    await expect(
      createBootstrap({ pool: scratch.pool, projections: [pairs(false)] }).boot(),
    ).rejects.toMatchObject({ code: "POISON_EVENT", cause: { code: "READ_NOT_DECLARED" } });
  });

  it("pages end at their bytes, and a single huge event comes alone", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [] });
    const text = (size: number) => ({ type: "added", data: { text: "x".repeat(size) } });
    await bootstrap.append("a", [text(100), text(100), text(5000), text(100), text(100)]);
    const client = await scratch.pool.connect();
    const log = postgresLog();
    const { head } = await log.horizon(client, undefined);
    const sizes: number[] = [];
    const range = { after: beginning, upTo: head, limitRows: 100, limitBytes: 1000 };
    for await (const { events } of readPages(log, client, range)) sizes.push(events.length);
    expect(sizes).toEqual([2, 1, 2]);
    client.release();
  });

  it("rows that are missing or incomplete are built again from the log, and the report says why", async () => {
    await using scratch = await scratchDatabase();
    const [sums, stories] = [totals(), story()];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.append("a", amounts(1, 2));
    await createBootstrap({ pool: scratch.pool, projections: [sums] }).boot();
    await scratch.pool.query("update headstart_projections.version set row_count = row_count + 1");
    const { kind, model, report } = await bootstrap.boot();
    expect(kind).toBe("complete");
    expect(report.projections).toMatchObject([
      { found: "torn", mode: "rebuilt", reason: expect.stringContaining("1 rows are there") as string },
      { found: "absent", mode: "rebuilt", reason: "it was never built" },
    ]);
    expect(model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
  });

  it("models of different projections share stored rows, each of which is built and brought forward once", async () => {
    await using scratch = await scratchDatabase();
    const [sums, stories] = [totals(), story()];
    const small = createBootstrap({ pool: scratch.anotherPool(), projections: [sums] });
    const large = createBootstrap({ pool: scratch.anotherPool(), projections: [sums, stories] });
    await large.append("a", amounts(1, 2, 3));
    const booted = await Promise.all([small.boot(), large.boot()]);
    const reports = booted.map(({ report }) => report);
    expect(reports[0]?.projections[0]?.versionId).toBe(reports[1]?.projections[0]?.versionId);
    // Three for each projection, whoever built it.
    expect(reports.reduce((rows, { reads }) => rows + reads.rebuild.rows, 0)).toBe(6);
    await large.append("a", amounts(4));
    await large.catchUp();
    for (const each of [small, large]) {
      const { model, report } = await each.boot();
      expect(report.reads.tail.rows).toBe(0);
      expect(model.get(sums, "a")).toEqual({ count: 4, sum: 10 });
    }
  });

  it("a row that is folded again while a boot loads overwrites nothing that was appended meanwhile", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const own = createBootstrap({ pool: scratch.anotherPool(), projections: [sums] });
    await own.append("a", amounts(1, 2));
    const { report } = await own.boot();
    const table = `headstart_projections.rows_${report.projections[0]?.versionId}`;
    await scratch.pool.query(`update ${table} set state = '{}' where key = 'a'`);
    const log = postgresLog();
    let meanwhile: Promise<unknown> | undefined;
    const slow: EventLog = {
      ...log,
      read: async (client, range) => {
        await (meanwhile ??= own.append("a", amounts(4)));
        return await log.read(client, range);
      },
    };
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], log: slow });
    const booted = await bootstrap.boot();
    expect(booted.report.projections[0]).toMatchObject({ refolded: ["a"] });
    expect(booted.model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    await following.poll();
    expect(booted.model.get(sums, "a")).toEqual({ count: 3, sum: 7 });
  });

  it("corrected code needs no migration by hand: the next boot has the rows that it makes", async () => {
    await using scratch = await scratchDatabase();
    const wrong = totals({ identity: "wrong", apply: ({ count, sum }) => ({ count, sum: sum + 1 }) });
    const right = totals({ identity: "right" });
    await createBootstrap({ pool: scratch.pool, projections: [] }).append("a", amounts(5, 6));
    await createBootstrap({ pool: scratch.pool, projections: [wrong] }).boot();
    const { model, report } = await createBootstrap({ pool: scratch.pool, projections: [right] }).boot();
    expect(report.projections[0]).toMatchObject({ found: "stale-code", mode: "rebuilt" });
    expect(model.get(right, "a")).toEqual({ count: 2, sum: 11 });
  });

  it("a log that ends before the model is told, and nothing of the model is taken back", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.append("a", amounts(2));
    const booted = await bootstrap.boot();
    const errors: unknown[] = [];
    await using following = bootstrap.follow(booted, {
      pollMs: 60_000,
      onError: (error) => errors.push(error),
    });
    await following.poll();
    await scratch.pool.query("delete from headstart_projections.event where version = 2");
    await expect(following.poll()).rejects.toMatchObject({ code: "POSITION_MISSED" });
    expect(booted.model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
  });
});
