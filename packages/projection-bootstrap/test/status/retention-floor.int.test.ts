import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { comparePositions, type Position } from "../../src/position.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

async function cut({ pool }: Scratch, floor: Position | undefined): Promise<number | null> {
  const { rowCount } = await pool.query(
    `delete from headstart_projections.event where (era, xid, number) <= ($1::integer, $2::xid8, $3::bigint)`,
    [floor?.era, floor?.xid.toString(), floor?.number.toString()],
  );
  return rowCount;
}

it.each(["async", "inline"] as const)(
  "a log that is cut at the floor serves %s rows, and nothing is folded from it",
  async (mode) => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(1, 2, 3));
    await bootstrap.append("b", amounts(9));
    await bootstrap.catchUp();
    const following = bootstrap.follow(await bootstrap.boot(), { pollMs: 60_000 });
    await following.poll();
    expect(await cut(scratch, (await bootstrap.retentionFloor()).position)).toBe(4);
    await following.poll();
    await following.close();
    const quiet = await bootstrap.boot();
    expect(quiet).toMatchObject({
      kind: "complete",
      report: { projections: [{ found: expect.stringMatching(/^(ready|behind)$/) as string }] },
    });
    expect(quiet.model.get(sums, "a")).toEqual({ count: 3, sum: 6 });
    const missed = { code: "POSITION_MISSED", message: expect.stringContaining("was cut") as string };
    await expect(bootstrap.rebuild("totals")).rejects.toMatchObject(missed);
    await expect(bootstrap.verify("totals")).rejects.toMatchObject(missed);

    await bootstrap.append("c", amounts(4));
    await bootstrap.catchUp();
    const newer = createBootstrap({
      pool: scratch.pool,
      projections: [totals({ mode, identity: "totals 2" })],
    });
    await expect(newer.boot()).rejects.toMatchObject(missed);
    await expect(bootstrap.verify("totals")).rejects.toMatchObject(missed);
    const { model } = await bootstrap.boot();
    expect(Object.fromEntries(model.entries(sums))).toEqual({
      a: { count: 3, sum: 6 },
      b: { count: 1, sum: 9 },
      c: { count: 1, sum: 4 },
    });
  },
);

it("the floor is no later than where inline rows are being built", async () => {
  await using scratch = await scratchDatabase();
  const make = (identity: string) =>
    createBootstrap({
      pool: scratch.pool,
      projections: [totals({ mode: "inline", identity })],
      page: { rows: 2 },
    });
  const bootstrap = make("totals 1");
  const { events } = await bootstrap.append("a", amounts(1, 2, 3, 4, 5, 6, 7, 8, 9));
  await bootstrap.boot();
  const last = events.at(-1)!.position;
  const floor = async () => (await bootstrap.retentionFloor()).position as Position;
  expect(comparePositions(await floor(), last)).toBe(0);
  const stop = new AbortController();
  await make("totals 2")
    .rebuild("totals", { signal: stop.signal, onProgress: () => stop.abort(new Error("stop")) })
    .catch(() => undefined);
  expect(comparePositions(await floor(), last)).toBeLessThan(0);
});
