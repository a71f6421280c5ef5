import type pg from "pg";
import { describe, expect, it } from "vitest";
import { createBootstrap } from "../src/create-bootstrap.ts";
import { fullFold, sorted } from "./support/full-fold.ts";
import { amounts, story, totals } from "./support/projections.ts";
import { scratchDatabase, type Scratch } from "./support/scratch-database.ts";

/** A pool that counts the rows which statements on the event table brought, whatever this package counts. */
function watchedPool(scratch: Scratch): { pool: pg.Pool; rows: () => number } {
  let rows = 0;
  const pool = scratch.anotherPool();
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => Promise<pg.QueryResult> | undefined;
    client.query = ((...given: unknown[]) => {
      const [statement] = given as [string | { text?: string }];
      const text = typeof statement === "string" ? statement : (statement.text ?? "");
      const result = query(...given);
      if (!text.includes("headstart_projections.event")) return result;
      return result?.then((found) => {
        rows += found.rows.length;
        return found;
      });
    }) as typeof client.query;
  });
  return { pool, rows: () => rows };
}

/** P3 and P6 have processes of their own: test/processes. P1 is proved at length in test/boot/random-histories. */
describe("guarantees", () => {
  it("P1: boot equals the full fold", async () => {
    await using scratch = await scratchDatabase();
    const projections = [totals(), story(), totals({ name: "inline", identity: "inline 1", mode: "inline" })];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections, page: { rows: 7 } });
    await bootstrap.boot();
    await Promise.all(
      Array.from({ length: 40 }, (_, each) => bootstrap.append(`s${each % 5}`, amounts(each, -each))),
    );
    const { model } = await bootstrap.boot();
    for (const projection of projections) {
      expect(sorted(model.entries<unknown>(projection))).toEqual(
        sorted(await fullFold(scratch.pool, projection)),
      );
    }
  });

  it("P2: no event is lost or applied twice across the handoff", async () => {
    await using scratch = await scratchDatabase();
    const projections = [totals(), story()];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections, page: { rows: 3 } });
    await bootstrap.boot();
    let going = true;
    const appending = (async () => {
      for (let each = 0; going; each++) await bootstrap.append(`s${each % 5}`, amounts(each, each));
    })();
    const models = [];
    for (let round = 0; round < 4; round++) {
      const booted = await bootstrap.boot();
      models.push({ booted, following: bootstrap.follow(booted, { pollMs: 5 }) });
      if (round === 2) await bootstrap.catchUp();
    }
    going = false;
    await appending;
    const { events } = await bootstrap.append("last", amounts(1));
    for (const { booted, following } of models) {
      await following.whenApplied(events[0]!.position);
      for (const projection of projections) {
        expect(sorted(booted.model.entries<unknown>(projection))).toEqual(
          sorted(await fullFold(scratch.pool, projection)),
        );
      }
      await following.close();
    }
  });

  it("P4: old rows are never served by new code unless accepted", async () => {
    await using scratch = await scratchDatabase();
    const old = createBootstrap({ pool: scratch.pool, projections: [totals()] });
    await old.append("a", amounts(2));
    await old.boot();
    const squared = totals({
      identity: "totals 2",
      apply: ({ count, sum }, { data }) => ({ count: count + 1, sum: sum + data.amount ** 2 }),
    });
    const refusing = createBootstrap({
      pool: scratch.pool,
      projections: [squared],
      policy: { staleCode: "refuse" },
    });
    await expect(refusing.boot()).rejects.toMatchObject({ code: "PROJECTION_REFUSED" });
    expect((await refusing.catchUp()).projections).toMatchObject([{ outcome: "absent" }]);
    await expect(refusing.verify("totals")).rejects.toMatchObject({ code: "PROJECTION_REFUSED" });
    const rebuilding = createBootstrap({ pool: scratch.pool, projections: [squared] });
    expect((await rebuilding.boot()).model.get(squared, "a")).toEqual({ count: 1, sum: 4 });
  });

  it("P5: readers never see a partial rebuild", async () => {
    await using scratch = await scratchDatabase();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()], page: { rows: 2 } });
    for (let each = 0; each < 20; each++) await bootstrap.append(`s${each}`, amounts(1));
    await bootstrap.boot();
    let building = true;
    const seen: number[] = [];
    const reading = (async () => {
      while (building) {
        const [row] = await scratch.rows<{ sum: number }>(
          "select sum((state ->> 'sum')::integer)::integer as sum from headstart_projections.totals",
        );
        seen.push(row?.sum ?? 0);
      }
    })();
    const appending = (async () => {
      while (building) {
        await bootstrap.append("more", amounts(1));
        await bootstrap.catchUp();
      }
    })();
    for (let round = 0; round < 3; round++) await bootstrap.rebuild("totals");
    building = false;
    await Promise.all([reading, appending]);
    expect(seen.length).toBeGreaterThan(3);
    expect(Math.min(...seen)).toBe(20);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it("P7: one writer per projection, and one that lost its lease writes nothing", async () => {
    await using scratch = await scratchDatabase();
    const [sums, stories] = [totals(), story()];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    await bootstrap.append("a", amounts(2));
    // Another process takes the lease over in the middle of the work, because it believes this one to be dead.
    const { apply } = stories.definition;
    const interrupted = {
      ...stories,
      definition: {
        ...stories.definition,
        key: (event: Parameters<typeof stories.definition.key>[0]) => {
          stolen ??= scratch.pool.query("update headstart_projections.version set epoch = epoch + 1");
          return stories.definition.key(event);
        },
        apply,
      },
    };
    let stolen: Promise<unknown> | undefined;
    const other = createBootstrap({
      pool: scratch.anotherPool(),
      projections: [interrupted],
      page: { rows: 1 },
    });
    await bootstrap.append("a", amounts(3, 4, 5));
    const { projections } = await other.catchUp();
    await stolen;
    expect(projections).toMatchObject([{ outcome: "stopped", error: { code: "LEASE_LOST" } }]);
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true });
    expect((await bootstrap.catchUp()).projections).toMatchObject([
      { outcome: "advanced" },
      { outcome: "advanced" },
    ]);
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true });
  });

  it("P8: the cost of a boot is that of its rows and the tail, whatever the log's length, by rows read", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    const reads: number[][] = [];
    for (const length of [100, 2000]) {
      await bootstrap.append("a", amounts(...Array<number>(length).fill(1)));
      await bootstrap.catchUp();
      await bootstrap.append("a", amounts(1, 1, 1));
      const { pool, rows } = watchedPool(scratch);
      const { report } = await createBootstrap({ pool, projections: [sums] }).boot();
      // Beside the tail, the one row that tells era and head.
      reads.push([report.reads.tail.rows, report.projections[0]?.rows ?? 0, rows()]);
    }
    expect(reads).toEqual([
      [3, 1, 4],
      [3, 1, 4],
    ]);
  });
});
