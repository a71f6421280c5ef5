import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { formatPosition } from "../../src/position.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";

describe("a boot", () => {
  let scratch: Scratch;
  const sums = totals();
  const stories = story();

  beforeAll(async () => {
    scratch = await scratchDatabase();
  });
  afterAll(async () => {
    await scratch[Symbol.asyncDispose]();
  });

  it("builds what was never built, then loads it without reading an event", async () => {
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.append("a", amounts(1, 2));
    await bootstrap.append("b", amounts(3));

    const first = await bootstrap.boot();
    expect(first.kind).toBe("complete");
    expect(first.model.get(sums, "a")).toEqual({ count: 2, sum: 3 });
    expect(first.report.projections.map(({ found, mode }) => [found, mode])).toEqual([
      ["absent", "rebuilt"],
      ["absent", "rebuilt"],
    ]);
    expect(first.report.reads.rebuild.rows).toBe(6);

    const second = await bootstrap.boot();
    expect(second.model.get(stories, "story 0")).toEqual({ text: "b.1 " });
    expect(second.report.projections.map(({ found, mode }) => [found, mode])).toEqual([
      ["ready", "snapshot"],
      ["ready", "snapshot"],
    ]);
    expect(second.report.reads).toEqual({
      tail: { rows: 0, bytes: 0, pages: 0 },
      refold: { rows: 0, bytes: 0, pages: 0 },
      rebuild: { rows: 0, bytes: 0, pages: 0 },
    });
  });

  it("folds the tail in memory, and reads nothing but the tail", async () => {
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    const { events } = await bootstrap.append("a", amounts(4, 5, 6));
    const booted = await bootstrap.boot();
    expect(booted.report.reads.tail.rows).toBe(3);
    expect(booted.model.get(sums, "a")).toEqual({ count: 5, sum: 18 });
    expect(booted.report.position).toBe(formatPosition(events[2]!.position));
    expect(booted.model.includes(events[2]!.position)).toBe(true);
  });

  it("follows the log from where the boot ended", async () => {
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    const booted = await bootstrap.boot();
    await using following = bootstrap.follow(booted, { pollMs: 60_000 });
    const { events } = await bootstrap.append("c", amounts(7));
    await following.whenApplied(events[0]!.position);
    expect(booted.model.get(sums, "c")).toEqual({ count: 1, sum: 7 });
    expect(following.health).toMatchObject({ healthy: true, eventsRead: 1 });
  });

  it("persists by catching up, once and for all processes", async () => {
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    const result = await bootstrap.catchUp();
    expect(result.projections.map(({ outcome }) => outcome)).toEqual(["advanced", "advanced"]);
    expect(result.read.rows).toBe(4);
    expect((await bootstrap.catchUp()).read.rows).toBe(0);
    const { report, model } = await bootstrap.boot();
    expect(report.reads.tail.rows).toBe(0);
    expect(model.get(sums, "c")).toEqual({ count: 1, sum: 7 });
    expect(await scratch.rows("select key, state from headstart_projections.totals order by key")).toEqual([
      { key: "a", state: { count: 5, sum: 18 } },
      { key: "b", state: { count: 1, sum: 3 } },
      { key: "c", state: { count: 1, sum: 7 } },
    ]);
  });

  it("verifies what it stored", async () => {
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.append("d", amounts(1));
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 3, differing: 0 });
    expect(await bootstrap.status()).toMatchObject({ projections: [{ state: "behind", lagEvents: 1 }, {}] });
  });
});
