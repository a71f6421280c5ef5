import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { comparePositions, type Position } from "../../src/position.ts";
import { amounts, story, totals } from "../support/projections.ts";
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

it("a log that is cut beyond a checkpoint is told by status, runners and boots, and is not read past it", async () => {
  await using scratch = await scratchDatabase();
  const [sums, stories] = [totals(), story()];
  const both = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
  const ahead = createBootstrap({ pool: scratch.pool, projections: [stories] });
  await both.append("a", amounts(1, 2));
  await both.boot();
  const { events } = await both.append("b", amounts(3, 4));
  await ahead.catchUp();
  const states = async () => (await both.status()).projections.map(({ state }) => state);
  expect(await states()).toEqual(["behind", "ready"]);
  // Up to the floor nothing is missing; one event further something is.
  expect(await cut(scratch, (await both.retentionFloor()).position)).toBe(2);
  expect(await states()).toEqual(["behind", "ready"]);
  expect(await cut(scratch, events[0]?.position)).toBe(1);
  expect(await states()).toEqual(["cut-off", "ready"]);
  await both.append("c", amounts(5));
  expect(await states()).toEqual(["cut-off", "behind"]);
  const { projections } = await both.catchUp();
  expect(projections).toMatchObject([
    { projection: "totals", outcome: "stopped", error: { code: "POSITION_MISSED" } },
    { projection: "story", outcome: "advanced" },
  ]);
  const stop = new AbortController();
  const told = await new Promise((resolve) => {
    void both.run({ signal: stop.signal, onError: resolve });
  });
  stop.abort();
  expect(told).toMatchObject({ code: "POSITION_MISSED", hint: expect.stringContaining("restore") as string });
  await expect(both.boot()).rejects.toMatchObject({ code: "POSITION_MISSED" });
  expect((await ahead.boot()).kind).toBe("complete");
  expect(await scratch.rows("select state from headstart_projections.totals")).toEqual([
    { state: { count: 2, sum: 3 } },
  ]);
});

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
