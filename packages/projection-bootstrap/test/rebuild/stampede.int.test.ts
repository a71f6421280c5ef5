import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** A log that lets something happen after the first snapshot was taken, as if the process were slow. */
function slowLog(meanwhile: () => Promise<unknown>) {
  const log = postgresLog();
  let first = true;
  return {
    ...log,
    horizon: async (...given: Parameters<typeof log.horizon>) => {
      const horizon = await log.horizon(...given);
      if (first) {
        first = false;
        await meanwhile();
      }
      return horizon;
    },
  };
}

describe("of several replicas that boot new code at once", () => {
  const next = () => totals({ identity: "totals 2", apply: ({ count, sum }) => ({ count: count + 1, sum }) });

  it("one rebuilds, the others use it, and the former code's rows stay for a rollback", async () => {
    await using scratch = await scratchDatabase();
    const old = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await old.append("a", amounts(1, 2, 3));
    await old.boot();
    const one = createBootstrap({ pool: scratch.anotherPool(), projections: [next()] });
    const two = createBootstrap({
      pool: scratch.anotherPool(),
      projections: [next()],
      log: slowLog(() => one.boot()),
    });
    const { kind, report } = await two.boot();
    expect(kind).toBe("complete");
    expect(report.reads.rebuild.rows).toBe(0);
    const versions = async () => (await one.status()).projections[0]?.versions;
    expect((await versions())?.map(({ status, identity }) => [status, identity])).toEqual([
      ["active", "totals 2"],
      ["retired", "totals 1"],
    ]);
    await one.rollback("totals");
    expect((await old.boot()).report.reads.rebuild.rows).toBe(0);
  });

  it("torn rows that another one has replaced are not replaced again", async () => {
    await using scratch = await scratchDatabase();
    const make = () => createBootstrap({ pool: scratch.anotherPool(), projections: [totals()] });
    const one = make();
    await one.append("a", amounts(1));
    await one.boot();
    const active = () =>
      scratch.rows<{ id: string }>(
        "select id::text as id from headstart_projections.version where status = 'active'",
      );
    const [torn] = await active();
    await scratch.pool.query(`truncate headstart_projections.rows_${torn!.id}`);
    await one.append("a", amounts(2));
    const log = postgresLog();
    let booting: ReturnType<typeof one.boot> | undefined;
    const two = createBootstrap({
      pool: scratch.pool,
      projections: [totals()],
      log: {
        ...log,
        // Asked of rows that are behind, once their tables were looked at.
        isCut: async (...given) => {
          const cut = await log.isCut(...given);
          booting ??= one.boot();
          await expect.poll(active).not.toEqual([torn]);
          return cut;
        },
      },
    });
    const { report } = await two.boot();
    expect(report.projections[0]).toMatchObject({ found: "torn", rows: 1 });
    expect(report.reads.rebuild.rows).toBe(0);
    expect((await booting)?.report.reads.rebuild.rows).toBe(2);
  });
});
