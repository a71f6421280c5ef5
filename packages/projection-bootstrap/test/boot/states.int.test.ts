import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { restamp } from "../../src/log/restamp.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

async function prepared(scratch: Scratch) {
  const sums = totals();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.append("a", amounts(1, 2));
  await bootstrap.append("b", amounts(3));
  const { report } = await bootstrap.boot();
  return { bootstrap, sums, table: `headstart_projections.rows_${report.projections[0]?.versionId}` };
}

const whole = { count: 2, sum: 3 };

describe("what a boot finds, and does about it", () => {
  it("torn: rows that were emptied are built again", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums, table } = await prepared(scratch);
    await scratch.pool.query(`truncate ${table}`);
    const { model, report } = await bootstrap.boot();
    expect(report.projections[0]).toMatchObject({ found: "torn", mode: "rebuilt" });
    expect(model.get(sums, "a")).toEqual(whole);
  });

  it("torn: so are rows whose table is gone, and rows of which some are missing", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums, table } = await prepared(scratch);
    await scratch.pool.query(`drop table ${table} cascade`);
    const first = await bootstrap.boot();
    expect(first.report.projections[0]).toMatchObject({ found: "torn", mode: "rebuilt" });
    await scratch.pool.query("delete from headstart_projections.totals where key = 'b'");
    const second = await bootstrap.boot();
    expect(second.report.projections[0]).toMatchObject({
      found: "torn",
      mode: "rebuilt",
      reason: expect.stringContaining("1 rows are there, and it wrote 2") as string,
    });
    expect(second.model.size(sums)).toBe(2);
  });

  it("torn: or refused, if the policy says so", async () => {
    await using scratch = await scratchDatabase();
    const { sums, table } = await prepared(scratch);
    await scratch.pool.query(`truncate ${table}`);
    const strict = createBootstrap({ pool: scratch.pool, projections: [sums], policy: { torn: "refuse" } });
    await expect(strict.boot()).rejects.toMatchObject({
      code: "PROJECTION_REFUSED",
      hint: 'call rebuild("totals")',
    });
  });

  it("torn: rows that are emptied as often as they are built end the boot, by a typed error", async () => {
    await using scratch = await scratchDatabase();
    const log = postgresLog();
    const emptying = {
      ...log,
      settle: async () => {
        const [active] = await scratch.rows<{ id: string }>(
          "select id::text as id from headstart_projections.version where status = 'active'",
        );
        if (active !== undefined)
          await scratch.pool.query(`truncate headstart_projections.rows_${active.id}`);
        return undefined;
      },
    };
    const bootstrap = createBootstrap({
      pool: scratch.anotherPool(),
      projections: [totals()],
      log: emptying,
    });
    await bootstrap.append("a", amounts(1));
    await expect(bootstrap.boot()).rejects.toMatchObject({
      code: "PROJECTION_REFUSED",
      message: expect.stringMatching(/^totals is still torn after 5 repairs/) as string,
    });
  });

  it("ahead of the log: rows that know lost events are refused, and rebuilt on request", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query("delete from headstart_projections.event where stream = 'b'");
    await expect(bootstrap.boot()).rejects.toMatchObject({
      code: "PROJECTION_REFUSED",
      message: expect.stringContaining("ahead-of-log") as string,
    });
    expect((await bootstrap.status()).projections[0]).toMatchObject({ state: "ahead-of-log" });
    const lenient = createBootstrap({
      pool: scratch.pool,
      projections: [sums],
      policy: { aheadOfLog: "rebuild" },
    });
    const { model } = await lenient.boot();
    expect([model.get(sums, "a"), model.get(sums, "b")]).toEqual([whole, undefined]);
  });

  it("ahead of the log: inline rows that know lost events are torn", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode: "inline" });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.append("b", amounts(3));
    await scratch.pool.query("delete from headstart_projections.event where stream = 'b'");
    const { model, report } = await bootstrap.boot();
    expect(report.projections[0]).toMatchObject({ found: "torn", mode: "rebuilt" });
    expect(model.size(sums)).toBe(1);
  });

  it("stale code: rows are accepted when somebody says why, and that is remembered", async () => {
    await using scratch = await scratchDatabase();
    await prepared(scratch);
    const renamed = totals({ identity: "totals, variables renamed" });
    const accepting = createBootstrap({
      pool: scratch.pool,
      projections: [renamed],
      policy: { staleCode: { accept: "only names changed" } },
    });
    const { report } = await accepting.boot();
    expect(report.projections[0]).toMatchObject({ found: "stale-code", mode: "snapshot" });
    const again = createBootstrap({
      pool: scratch.pool,
      projections: [renamed],
      policy: { staleCode: "refuse" },
    });
    expect((await again.boot()).report.projections[0]).toMatchObject({ found: "ready" });
    expect(await scratch.rows("select reason from headstart_projections.acceptance")).toEqual([
      { reason: "only names changed" },
    ]);
  });

  it("building: a half-built version is finished, not begun again", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 2 } });
    await bootstrap.append("a", amounts(1, 2, 3, 4, 5, 6, 7, 8));
    const stop = new AbortController();
    await bootstrap
      .rebuild("totals", { signal: stop.signal, onProgress: () => stop.abort(new Error("stop")) })
      .catch(() => undefined);
    const { report } = await bootstrap.boot();
    expect(report.projections[0]).toMatchObject({ found: "building", mode: "rebuilt" });
    expect(report.reads.rebuild.rows).toBeLessThan(8);
  });

  it("foreign cluster: nothing is read or written until somebody says that the database lives here now", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query("update headstart_projections.era set system_identifier = '1'");
    await expect(bootstrap.boot()).rejects.toMatchObject({ code: "FOREIGN_CLUSTER" });
    await expect(bootstrap.append("a", amounts(1))).rejects.toMatchObject({ code: "FOREIGN_CLUSTER" });
    await expect(bootstrap.catchUp()).rejects.toMatchObject({ code: "FOREIGN_CLUSTER" });
    expect((await bootstrap.status()).projections[0]).toMatchObject({ state: "foreign-cluster" });
    expect(await restamp(scratch.pool)).toBe(2);
    expect(await restamp(scratch.pool)).toBe(2);
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual(whole);
    expect(report.projections[0]).toMatchObject({ found: "ready" });
    await bootstrap.append("a", amounts(3));
    expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 3, sum: 6 });
  });

  it("foreign cluster: events of transactions that are still to come are seen, and come first once stamped", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.append("b", amounts(3));
    await scratch.pool.query("update headstart_projections.event set xid = '99999999999' where stream = 'b'");
    const moved = createBootstrap({
      pool: scratch.pool,
      projections: [sums],
      policy: { foreignCluster: "restamp" },
    });
    await expect(bootstrap.boot()).rejects.toMatchObject({ code: "FOREIGN_CLUSTER" });
    const booted = await moved.boot();
    expect(booted.model.size(sums)).toBe(2);
    await moved.append("b", amounts(1));
    expect((await moved.boot()).model.get(sums, "b")).toMatchObject({ sum: 4 });
  });
});

describe("a budget", () => {
  it("of bytes leaves out what does not fit, and says so", async () => {
    await using scratch = await scratchDatabase();
    const [sums, big] = [
      totals(),
      totals({ name: "big", identity: "big 1", key: ({ stream }) => stream.repeat(300) }),
    ];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, big], readers: 1 });
    await bootstrap.append("abc", amounts(1));
    await bootstrap.boot();
    const { kind, model, report } = await bootstrap.boot({ budget: { bytes: 500 } });
    expect(kind).toBe("degraded");
    expect(report.degraded).toMatchObject([{ projection: "big", cause: "budget-bytes" }]);
    expect(model.get(sums, "abc")).toEqual({ count: 1, sum: 1 });
    expect(() => model.size(big)).toThrow(/more than the 500 bytes/);
  });

  it("of time ends a rebuild, which the next boot goes on with", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 1 } });
    await bootstrap.append("a", amounts(...Array<number>(60).fill(1)));
    const hurried = await bootstrap.boot({ budget: { ms: 60 } });
    expect(hurried).toMatchObject({
      kind: "degraded",
      report: { degraded: [{ projection: "totals", cause: "budget-ms" }] },
    });
    expect(() => hurried.model.get(sums, "a")).toThrow(
      expect.objectContaining({ code: "PROJECTION_NOT_LOADED" }) as Error,
    );
    const { kind, model } = await bootstrap.boot();
    expect(kind).toBe("complete");
    expect(model.get(sums, "a")).toEqual({ count: 60, sum: 60 });
  });

  it("of time ends the tail at an earlier position, at which all projections stand", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 1 } });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(...Array<number>(400).fill(1)));
    const booted = await bootstrap.boot({ budget: { ms: 100 } });
    const { kind, model, report } = booted;
    expect(kind).toBe("degraded");
    expect(report.degraded[0]?.cause).toBe("behind");
    const applied = report.projections[0]?.applied ?? 0;
    expect(model.get(sums, "a")).toEqual({ count: applied, sum: applied });
    expect(report.position).not.toBe(report.head);
    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    await following.poll();
    expect(model.get(sums, "a")).toEqual({ count: 400, sum: 400 });
  });

  it("a boot that is aborted ends, and leaves no transaction open", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()], page: { rows: 1 } });
    await bootstrap.append("a", amounts(...Array<number>(20).fill(1)));
    const stop = new AbortController();
    const boot = bootstrap.boot({ signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
    await expect(boot).rejects.toThrow("enough");
    expect(
      await scratch.rows(
        `select from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'`,
      ),
    ).toEqual([]);
  });
});
