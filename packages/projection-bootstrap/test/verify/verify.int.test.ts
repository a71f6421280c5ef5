import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

async function prepared(scratch: Scratch) {
  const [sums, stories] = [totals(), story()];
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories], page: { rows: 7 } });
  for (let each = 0; each < 5; each++) await bootstrap.append(`s${each}`, amounts(1, 2, 3, 4));
  const { report } = await bootstrap.boot();
  const table = (index: number): string =>
    `headstart_projections.rows_${report.projections[index]?.versionId}`;
  return { bootstrap, sums: table(0), stories: table(1) };
}

describe("verification", () => {
  it("says that equal rows are equal, while the log goes on", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap } = await prepared(scratch);
    await bootstrap.append("s1", amounts(9));
    expect(await bootstrap.verify("totals")).toMatchObject({
      equal: true,
      rows: 5,
      differing: 0,
      first: undefined,
    });
    expect(await bootstrap.verify("story")).toMatchObject({ equal: true, rows: 3 });
  });

  it("finds one changed value, and names the key", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query(`update ${sums} set state = '{"count":4,"sum":11}' where key in ('s3', 's4')`);
    expect(await bootstrap.verify("totals")).toMatchObject({
      equal: false,
      differing: 2,
      first: { key: "s3", kind: "changed", stored: '{"count":4,"sum":11}', expected: '{"count":4,"sum":10}' },
    });
  });

  it("finds an event that was left out, and names it", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query(`update ${sums} set state = '{"count":3,"sum":7}' where key = 's2'`);
    const { first } = await bootstrap.verify("totals");
    expect(first).toMatchObject({ key: "s2", kind: "skipped", event: { stream: "s2", type: "added" } });
    const [event] = await scratch.rows<{ number: string }>(
      "select number::text as number from headstart_projections.event where stream = 's2' and version = 3",
    );
    expect(first?.event?.position.split(":")[2]).toBe(event?.number);
  });

  it("finds rows that ended early, rows that are gone, and rows that nobody made", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query(`update ${sums} set state = '{"count":2,"sum":3}' where key = 's0'`);
    expect((await bootstrap.verify("totals")).first).toMatchObject({ key: "s0", kind: "stopped" });
    await scratch.pool.query(`update ${sums} set key = 'r0' where key = 's0'`);
    expect(await bootstrap.verify("totals")).toMatchObject({
      differing: 2,
      first: { key: "r0", kind: "changed", event: undefined, expected: undefined },
    });
  });

  it("finds text that was appended twice, and names the event", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, stories } = await prepared(scratch);
    await scratch.pool.query(
      `update ${stories} set state = json_build_object('text', replace(state ->> 'text', 's2.3 ', 's2.3 s2.3 ')) where key = 'story 0'`,
    );
    expect((await bootstrap.verify("story")).first).toMatchObject({
      key: "story 0",
      kind: "repeated",
      event: { stream: "s2" },
    });
  });

  it("in shares sees every key once a round, and keeps to the rate that it was given", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query(`update ${sums} set state = '{"count":0,"sum":0}' where key = 's4'`);
    const rounds = [];
    const began = performance.now();
    for (const round of [0, 1, 2]) {
      rounds.push(await bootstrap.verify("totals", { share: 1 / 3, round, eventsPerSecond: 400 }));
    }
    expect(rounds.reduce((sum, { rows }) => sum + rows, 0)).toBe(5);
    expect(rounds.filter(({ equal }) => !equal)).toHaveLength(1);
    expect(performance.now() - began).toBeGreaterThan(100);
  });

  it("counts and paces what it reads to explain a difference as well", async () => {
    await using scratch = await scratchDatabase();
    const { bootstrap, sums } = await prepared(scratch);
    await scratch.pool.query(`update ${sums} set state = '{"count":0,"sum":1}' where key = 's4'`);
    const told: number[] = [];
    const began = performance.now();
    const { read, first } = await bootstrap.verify("totals", {
      eventsPerSecond: 100,
      onProgress: (events) => void told.push(events),
    });
    expect(first).toMatchObject({ key: "s4", kind: "changed" });
    expect(read.rows).toBe(2 * 20);
    expect(told.at(-1)).toBe(2 * 20);
    expect(performance.now() - began).toBeGreaterThan((2 * 20 * 1000) / 100 / 2);
  });
});
