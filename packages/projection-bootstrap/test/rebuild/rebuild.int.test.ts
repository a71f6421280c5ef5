import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

const twice = () =>
  totals({
    identity: "totals 2",
    apply: (state, { data }) => ({ count: state.count + 1, sum: state.sum + 2 * data.amount }),
  });

describe("a rebuild", () => {
  it("is made before a deployment, and then costs the boot nothing but the tail", async () => {
    await using scratch = await scratchDatabase();
    const [sums, doubled] = [totals(), twice()];
    const old = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await old.append("a", amounts(1, 2));
    await old.boot();
    const next = createBootstrap({ pool: scratch.anotherPool(), projections: [doubled] });
    expect(await next.prebuild()).toMatchObject([{ projection: "totals", active: false, read: { rows: 2 } }]);
    await old.append("a", amounts(3));

    // The old code is served its own rows until the new one runs, and afterwards as well.
    expect(await scratch.rows("select state from headstart_projections.totals")).toEqual([
      { state: { count: 2, sum: 3 } },
    ]);
    const booted = await next.boot();
    expect(booted.model.get(doubled, "a")).toEqual({ count: 3, sum: 12 });
    expect(booted.report).toMatchObject({
      projections: [{ found: "behind", mode: "tail" }],
      reads: { tail: { rows: 1 } },
    });
    expect((await old.boot()).model.get(sums, "a")).toEqual({ count: 3, sum: 6 });

    await next.catchUp();
    expect(await scratch.rows("select state from headstart_projections.totals")).toEqual([
      { state: { count: 3, sum: 12 } },
    ]);
    expect((await old.boot()).model.get(sums, "a")).toEqual({ count: 3, sum: 6 });
  });

  it("is not made before a deployment for the code that runs: its rows are there", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.append("a", amounts(1, 2));
    const { position } = await bootstrap.boot();
    const versions = async () => (await bootstrap.status()).projections[0]?.versions;
    const before = await versions();
    expect(await bootstrap.prebuild()).toEqual([
      {
        projection: "totals",
        versionId: before?.[0]?.id,
        active: true,
        position,
        read: { rows: 0, bytes: 0, pages: 0 },
        dropped: [],
      },
    ]);
    expect(await versions()).toEqual(before);
    await bootstrap.append("a", amounts(3));
    await bootstrap.catchUp();
    const head = (await bootstrap.boot()).position;
    expect(await bootstrap.retentionFloor()).toMatchObject({ position: head, holders: [{}] });
  });

  it("by the running code spares what was prebuilt for the next, and the next deployment drops it", async () => {
    await using scratch = await scratchDatabase();
    const deploy = (identity: string) =>
      createBootstrap({ pool: scratch.pool, projections: [totals({ identity })] });
    const [running, next, other] = [deploy("1"), deploy("2"), deploy("3")];
    await running.append("a", amounts(1, 2));
    await running.boot();
    const [prebuilt] = await next.prebuild();
    for (let each = 0; each < 2; each++) {
      expect((await running.rebuild("totals")).dropped).not.toContain(prebuilt?.versionId);
    }
    expect(await next.boot()).toMatchObject({
      report: { projections: [{ found: "ready" }], reads: { rebuild: { rows: 0 } } },
    });
    expect((await other.rebuild("totals")).dropped).toContain(prebuilt?.versionId);
  });

  it("can be rolled back without the former code, which goes on from where it stood", async () => {
    await using scratch = await scratchDatabase();
    const [sums, doubled] = [totals(), twice()];
    const old = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await old.append("a", amounts(1));
    await old.boot();
    const next = createBootstrap({ pool: scratch.pool, projections: [doubled] });
    await next.boot();
    await next.append("a", amounts(2));
    await next.catchUp();
    const { from, to } = await next.rollback("totals");
    expect(BigInt(from)).toBeGreaterThan(BigInt(to));
    expect(await scratch.rows("select state from headstart_projections.totals")).toEqual([
      { state: { count: 1, sum: 1 } },
    ]);
    await expect(next.boot()).rejects.toMatchObject({
      code: "PROJECTION_REFUSED",
      message: expect.stringContaining("rolled-back") as string,
    });
    const { model, report } = await old.boot();
    expect(model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    expect(report.reads.tail.rows).toBe(1);
    await next.rebuild("totals");
    expect((await next.boot()).model.get(doubled, "a")).toEqual({ count: 2, sum: 6 });
  });

  it("keeps as many former versions as it is told, and drops the tables of others", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()], keep: 1 });
    await bootstrap.boot();
    for (let each = 0; each < 3; each++) await bootstrap.rebuild("totals");
    const [status] = (await bootstrap.status()).projections;
    expect(status?.versions.map((version) => version.status)).toEqual(["active", "retired"]);
    const tables = await scratch.rows<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'headstart_projections' and tablename like 'rows%'",
    );
    expect(tables.map(({ name }) => name).sort()).toEqual(
      status?.versions.map(({ id }) => `rows_${id}`).sort(),
    );
  });

  it("keeps what a rollback needs, also after one, and refuses the code that was rolled back still", async () => {
    await using scratch = await scratchDatabase();
    const deploy = (identity: string) =>
      createBootstrap({ pool: scratch.pool, projections: [totals({ identity })] });
    const [good, bad, next] = [deploy("good"), deploy("bad"), deploy("next")];
    await good.boot();
    await bad.boot();
    await bad.rollback("totals");
    await next.boot();
    const versions = async () => (await next.status()).projections[0]?.versions;
    const states = async () => (await versions())?.map(({ identity, status }) => [identity, status]);
    expect(await states()).toEqual([
      ["next", "active"],
      ["bad", "rolled-back"],
      ["good", "retired"],
    ]);
    await next.rollback("totals");
    expect(await states()).toContainEqual(["good", "active"]);
    await expect(bad.boot()).rejects.toMatchObject({
      code: "PROJECTION_REFUSED",
      message: expect.stringContaining("rolled-back") as string,
    });
    // One more that was rolled back takes the place of the one before it, and not of what good needs.
    await deploy("worse").boot();
    await good.rollback("totals");
    await deploy("best").boot();
    expect(await states()).toEqual([
      ["best", "active"],
      ["worse", "rolled-back"],
      ["good", "retired"],
    ]);
    await deploy("worse").rebuild("totals");
    expect(await states()).toEqual([
      ["worse", "active"],
      ["best", "retired"],
    ]);
  });

  it("is rolled back to the rows that readers left last, whenever they were begun", async () => {
    await using scratch = await scratchDatabase();
    const deploy = (identity: string) =>
      createBootstrap({ pool: scratch.pool, projections: [totals({ identity })], keep: 2 });
    const [running, next, last] = [deploy("running"), deploy("next"), deploy("last")];
    await running.boot();
    const [prebuilt] = await next.prebuild();
    const renewed = await running.rebuild("totals");
    await next.catchUp();
    await last.boot();
    expect(BigInt(prebuilt!.versionId)).toBeLessThan(BigInt(renewed.versionId));
    expect(await last.rollback("totals")).toMatchObject({ to: prebuilt?.versionId });
  });

  it("is not rolled back to rows that appends kept, because nobody keeps them any more", async () => {
    await using scratch = await scratchDatabase();
    const [kept, sums] = [totals({ mode: "inline", identity: "kept" }), totals()];
    const inline = createBootstrap({ pool: scratch.pool, projections: [kept] });
    const plain = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await inline.boot();
    await inline.append("a", amounts(1));
    await plain.boot();
    await plain.append("a", amounts(10));
    await expect(plain.rollback("totals")).rejects.toMatchObject({ code: "ROLLBACK_IMPOSSIBLE" });
    const { model } = await inline.boot();
    expect(model.get(kept, "a")).toEqual({ count: 2, sum: 11 });
    await inline.append("a", amounts(100));
    await expect(inline.rollback("totals")).rejects.toMatchObject({ code: "ROLLBACK_IMPOSSIBLE" });
    expect((await plain.boot()).model.get(sums, "a")).toEqual({ count: 3, sum: 111 });
  });

  it("has nothing to go back to when no former version is kept", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.boot();
    await expect(bootstrap.rollback("totals")).rejects.toMatchObject({ code: "ROLLBACK_IMPOSSIBLE" });
  });

  it("of two builders one builds, and the other takes over what it finds", async () => {
    await using scratch = await scratchDatabase();
    const page = { rows: 1 };
    const one = createBootstrap({ pool: scratch.pool, projections: [totals()], page });
    const other = createBootstrap({ pool: scratch.anotherPool(), projections: [totals()], page });
    await one.append("a", amounts(...Array<number>(300).fill(1)));
    // Asked while the first one has hundreds of pages before it: a rebuild asked for after it would be a second one.
    let second: ReturnType<typeof other.rebuild> | undefined;
    const first = await one.rebuild("totals", {
      onProgress: () => void (second ??= other.rebuild("totals")),
    });
    const results = [first, await second];
    expect(results[0]?.versionId).toBe(results[1]?.versionId);
    expect(results.map((result) => result?.read.rows)).toEqual([300, 0]);
    expect(await one.verify("totals")).toMatchObject({ equal: true, rows: 1 });
  });

  it("can be told not to wait for another builder", async () => {
    await using scratch = await scratchDatabase();
    const log = postgresLog();
    let refused: Promise<unknown> | undefined;
    // Asked before the first page is there, and answered before it comes: the build is under way all the while.
    const one = createBootstrap({
      pool: scratch.pool,
      projections: [totals()],
      log: {
        ...log,
        read: async (client, range) => {
          refused ??= other.rebuild("totals", { whenHeld: "fail" }).catch((error: unknown) => error);
          await refused;
          return await log.read(client, range);
        },
      },
    });
    const other = createBootstrap({ pool: scratch.anotherPool(), projections: [totals()] });
    await one.append("a", amounts(1, 2, 3, 4));
    expect(await one.rebuild("totals")).toMatchObject({ active: true, read: { rows: 4 } });
    expect(await refused).toMatchObject({ code: "LEASE_HELD" });
  });

  it("fails at the first event that cannot be applied, and says which", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    await bootstrap.append("b", amounts(7));
    const strict = totals({
      identity: "totals 2",
      apply: (state, { data }) => {
        if (data.amount === 7) throw new Error("no sevens");
        return state;
      },
    });
    const next = createBootstrap({ pool: scratch.pool, projections: [strict] });
    await expect(next.rebuild("totals")).rejects.toMatchObject({
      code: "POISON_EVENT",
      message: expect.stringMatching(/added of b at 1:\d+:2 to row "b": no sevens/) as string,
    });
    expect((await bootstrap.boot()).kind).toBe("complete");
  });
});
