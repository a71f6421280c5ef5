import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { adoptLog } from "../../src/log/adopt-log.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

async function prepared(scratch: Scratch, settleMs = 2000) {
  await scratch.pool.query("create schema shop");
  await scratch.pool.query(
    `create table shop."Event Log" (
       id bigint generated always as identity primary key, subject text not null, nr integer not null,
       kind text not null, body jsonb not null, at timestamptz not null default now()
     )`,
  );
  const log = adoptLog({
    table: "shop.Event Log",
    columns: {
      position: "id",
      stream: "subject",
      version: "nr",
      type: "kind",
      data: "body",
      recordedAt: "at",
    },
    settleMs,
  });
  const [sums, stories] = [totals(), story()];
  const bootstrap = createBootstrap({
    pool: scratch.pool,
    projections: [sums, stories],
    log,
    page: { rows: 3 },
  });
  const insert = (subject: string, nr: number, amount: number): [string, unknown[]] => [
    `insert into shop."Event Log" (subject, nr, kind, body) values ($1, $2, 'added', $3)`,
    [subject, nr, { amount }],
  ];
  return { bootstrap, sums, stories, insert };
}

describe("a log that somebody else keeps", () => {
  it("is read to its end, whatever its columns are called", async () => {
    await using scratch = await scratchDatabase();
    for (const column of ["number", "era", "place", "log", "wanted"]) {
      await scratch.pool.query(
        `create table ${column}_log (
           "${column}" bigint generated always as identity primary key, stream text not null, type text not null,
           data jsonb not null, recorded_at timestamptz not null default now()
         )`,
      );
      await scratch.pool.query(
        `insert into ${column}_log (stream, type, data) select 'a', 'added', '{"amount": 1}' from generate_series(1, 12)`,
      );
      const sums = totals({ name: `sums_${column}` });
      const log = adoptLog({ table: `${column}_log`, columns: { position: column, version: null } });
      const { model } = await createBootstrap({ pool: scratch.pool, projections: [sums], log }).boot();
      expect(model.get(sums, "a"), column).toEqual({ count: 12, sum: 12 });
    }
  });

  it("is read with its own names, booted, followed and verified, and never written", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums, stories, insert } = await prepared(scratch);
    for (let nr = 1; nr <= 10; nr++) await scratch.pool.query(...insert("a", nr, nr));
    const booted = await bootstrap.boot();
    expect(booted.model.get(sums, "a")).toEqual({ count: 10, sum: 55 });
    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    await scratch.pool.query(...insert("b", 1, 1));
    await following.poll();
    expect(booted.model.get(sums, "b")).toEqual({ count: 1, sum: 1 });
    await bootstrap.catchUp();
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true });
    const { model, report } = await bootstrap.boot();
    expect(report.reads.tail.rows).toBe(0);
    expect(model.get(stories, "story 1")).toEqual({ text: "a.1 a.4 a.7 a.10 b.1 " });
    await expect(bootstrap.append("a", [])).rejects.toMatchObject({ code: "LOG_UNSUITABLE" });
  });

  it("hides a later event while the writer of an earlier one is open, and loses neither", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums, insert } = await prepared(scratch, 30);
    await scratch.pool.query(...insert("a", 1, 1));
    await bootstrap.boot();
    const slow = await scratch.pool.connect();
    await slow.query("begin");
    await slow.query(...insert("slow", 1, 1));
    await scratch.pool.query(...insert("fast", 1, 1));
    const before = await bootstrap.boot();
    expect([before.model.get(sums, "a")?.sum, before.model.get(sums, "fast")]).toEqual([1, undefined]);
    await bootstrap.catchUp();
    await slow.query("commit");
    slow.release();
    await bootstrap.catchUp();
    const after = await bootstrap.boot();
    expect(after.report.reads.tail.rows).toBe(0);
    expect([after.model.size(sums), await bootstrap.verify("totals")]).toMatchObject([3, { equal: true }]);
  });

  it("waits for nobody who writes elsewhere, and for nobody who came later", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums, insert } = await prepared(scratch, 60_000);
    await scratch.pool.query("create table elsewhere (id integer)");
    const other = await scratch.pool.connect();
    await other.query("begin");
    await other.query("insert into elsewhere values (1)");
    await scratch.pool.query(...insert("a", 1, 1));
    try {
      const { model } = await bootstrap.boot();
      expect(model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
    } finally {
      await other.query("rollback");
      other.release();
    }
  });

  it("is not shown empty at first because somebody is writing", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums, insert } = await prepared(scratch, 30);
    await scratch.pool.query(...insert("a", 1, 1));
    const slow = await scratch.pool.connect();
    await slow.query("begin");
    await slow.query(...insert("slow", 1, 1));
    await expect(bootstrap.boot()).rejects.toMatchObject({ code: "LOG_UNSETTLED" });
    await expect(bootstrap.prebuild(["totals"])).rejects.toMatchObject({ code: "LOG_UNSETTLED" });
    expect((await bootstrap.status()).projections[0]).toMatchObject({ state: "building" });
    await slow.query("commit");
    slow.release();
    expect((await bootstrap.boot()).model.size(sums)).toBe(2);
  });

  it("is refused with positions that no reader would come to, and as a view, whose writers nobody sees", async () => {
    await using scratch = await scratchDatabase();
    await scratch.pool.query(
      `create table ev (position bigint primary key, stream text, type text, data jsonb, recorded_at timestamptz)`,
    );
    await scratch.pool.query(
      `insert into ev select place, 'a', 'added', '{"amount": 1}', now() from generate_series(0, 4) as place`,
    );
    const sums = totals();
    const read = (table: string, writers: "watched" | "serialized") => {
      const log = adoptLog({ table, columns: { version: null }, writers });
      return createBootstrap({ pool: scratch.pool, projections: [sums], log }).boot();
    };
    const unsuitable = (message: string) => ({
      code: "LOG_UNSUITABLE",
      message: expect.stringContaining(message) as string,
    });
    await expect(read("ev", "watched")).rejects.toMatchObject(unsuitable("positions before 1"));
    await expect(read("ev", "serialized")).rejects.toMatchObject(unsuitable("positions before 1"));
    await scratch.pool.query("create view later as select * from ev where position > 0");
    await expect(read("later", "watched")).rejects.toMatchObject(unsuitable("is no table"));
    expect((await read("later", "serialized")).model.get(sums, "a")).toEqual({ count: 4, sum: 4 });
  });

  it("cannot keep projections inline", async () => {
    await using scratch = await scratchDatabase();
    const make = () =>
      createBootstrap({
        pool: scratch.pool,
        projections: [totals({ mode: "inline" })],
        log: adoptLog({ table: "shop.event" }),
      });
    expect(make).toThrow(expect.objectContaining({ code: "LOG_UNSUITABLE" }) as Error);
  });

  it("has rows of its own: those of another log are not continued", async () => {
    await using scratch = await scratchDatabase();
    const { sums, bootstrap } = await prepared(scratch);
    await createBootstrap({ pool: scratch.pool, projections: [sums], log: postgresLog() }).boot();
    expect((await bootstrap.boot()).report.projections[0]).toMatchObject({
      found: "stale-code",
      mode: "rebuilt",
    });
  });

  it("makes the data of several columns, and is another log when they change", async () => {
    await using scratch = await scratchDatabase();
    await scratch.pool.query(
      `create table ledger (
         position bigserial primary key, stream text not null, version integer not null, type text not null,
         "it's" integer, amount integer not null, at timestamptz not null default now()
       )`,
    );
    await scratch.pool.query(
      `insert into ledger (stream, version, type, amount) values ('a', 1, 'added', 5)`,
    );
    await scratch.pool.query(
      `insert into ledger (stream, version, type, amount, "it's") values ('a', 2, 'added', 6, 100)`,
    );
    const sums = totals();
    const read = (data: Record<string, string>) =>
      createBootstrap({
        pool: scratch.pool,
        projections: [sums],
        log: adoptLog({ table: "ledger", columns: { recordedAt: "at", data } }),
      });
    const first = await read({ amount: "amount", "it's": "it's" }).boot();
    expect(first.model.get(sums, "a")).toEqual({ count: 2, sum: 11 });
    const second = await read({ "it's": "it's", amount: "amount" }).boot();
    expect(second.report.projections[0]).toMatchObject({ found: "ready" });
    const { model, report } = await read({ amount: "version" }).boot();
    expect(report.projections[0]).toMatchObject({ found: "stale-code", mode: "rebuilt" });
    expect(model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
  });

  it("may have text that is no JSON, which stops nobody who does not want its type", async () => {
    await using scratch = await scratchDatabase();
    await scratch.pool.query(
      `create table ev (
         position bigserial primary key, stream text not null, version integer not null, type text not null,
         data text not null, recorded_at timestamptz not null default now()
       )`,
    );
    const upcasters = [{ type: "plus", as: "added", data: (data: unknown) => data }];
    const [sums, everything] = [totals({ types: ["added"], upcasters }), story()];
    const bootstrap = createBootstrap({
      pool: scratch.pool,
      projections: [sums, everything],
      log: adoptLog({ table: "ev" }),
    });
    await bootstrap.boot();
    await scratch.pool.query(
      `insert into ev (stream, version, type, data)
       values ('s', 1, 'plus', '{"amount":1}'), ('s', 2, 'legacy', '<xml/>'), ('s', 3, 'added', '{"amount":2}')`,
    );
    const { projections } = await bootstrap.catchUp();
    expect(projections).toMatchObject([
      { projection: "totals", outcome: "advanced" },
      { projection: "story", outcome: "stopped", error: { code: "POISON_EVENT" } },
    ]);
    expect(await scratch.rows("select state from headstart_projections.totals")).toEqual([
      { state: { count: 2, sum: 3 } },
    ]);
  });
});
