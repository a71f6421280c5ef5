import { describe, expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { formatPosition } from "../../src/position.ts";
import { formatMetrics } from "../../src/status/format-metrics.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** A projector that cannot take sevens, until it is corrected in place. */
function fragile() {
  const broken = { on: true };
  const projection = totals({
    apply: (state, { data }) => {
      if (broken.on && data.amount === 7) throw new Error("no sevens");
      return { count: state.count + 1, sum: state.sum + data.amount };
    },
  });
  return { broken, projection };
}

describe("an event that cannot be applied", () => {
  it.each([
    ["first", [7, 1, 2], [[7, 1, 2], { count: 3, sum: 10 }]],
    ["in the middle", [1, 7, 2], [[7, 2], { count: 3, sum: 10 }]],
    ["last", [1, 2, 7], [[7], { count: 3, sum: 10 }]],
  ] as const)(
    "sets its key aside, with all that follow it, in order: %s",
    async (_where, list, [waiting, whole]) => {
      await using scratch = await scratchDatabase();
      const { broken, projection } = fragile();
      const stories = story();
      const bootstrap = createBootstrap({
        pool: scratch.pool,
        projections: [projection, stories],
        page: { rows: 2 },
      });
      await bootstrap.boot();
      for (const each of list) await bootstrap.append("a", amounts(each));
      await bootstrap.append("b", amounts(5));
      const { projections } = await bootstrap.catchUp();
      expect(projections.map(({ outcome }) => outcome)).toEqual(["advanced", "advanced"]);

      const { model, report, kind } = await bootstrap.boot();
      expect(kind).toBe("complete");
      expect(model.get(projection, "b")).toEqual({ count: 1, sum: 5 });
      expect(report.projections[0]).toMatchObject({ found: "poisoned", parked: ["a"] });
      const status = await bootstrap.status();
      expect(status.projections[0]?.versions[0]?.parked).toBe(waiting.length);
      expect(formatMetrics(status)).toContain(
        `headstart_projection_parked_events{projection="totals"} ${waiting.length}\n`,
      );
      expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, parked: ["a"] });

      expect(await bootstrap.redrive("totals")).toMatchObject({ repaired: [], failed: [{ key: "a" }] });
      broken.on = false;
      expect(await bootstrap.redrive("totals")).toMatchObject({ repaired: ["a"], failed: [] });
      expect((await bootstrap.boot()).model.get(projection, "a")).toEqual(whole);
      expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, parked: [] });
    },
  );

  it("fails a boot that meets it in the tail, unless the key may stay as it is", async () => {
    await using scratch = await scratchDatabase();
    const { projection } = fragile();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [projection] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(1, 7, 2));
    await expect(bootstrap.boot()).rejects.toMatchObject({ code: "POISON_EVENT" });
    const lenient = createBootstrap({
      pool: scratch.pool,
      projections: [projection],
      policy: { poisonEvent: "set-aside" },
    });
    const { model, report } = await lenient.boot();
    expect(model.get(projection, "a")).toEqual({ count: 1, sum: 1 });
    expect(report.projections[0]).toMatchObject({ parked: ["a"] });
    await bootstrap.catchUp();
    const refusing = createBootstrap({
      pool: scratch.pool,
      projections: [projection],
      policy: { poisoned: "refuse" },
    });
    await expect(refusing.boot()).rejects.toMatchObject({ code: "PROJECTION_REFUSED" });
  });

  it("stops its projection when not even the key can be told, and no other projection", async () => {
    await using scratch = await scratchDatabase();
    const broken = { on: true };
    const sums = totals({
      key: ({ stream, data }) => {
        if (broken.on && data.amount === 7) throw new Error("whose is it?");
        return stream;
      },
    });
    const stories = story();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, stories] });
    await bootstrap.boot();
    await bootstrap.append("a", amounts(1, 7, 2));
    const { projections } = await bootstrap.catchUp();
    expect(projections).toMatchObject([{ outcome: "stopped" }, { outcome: "advanced" }]);
    expect((await bootstrap.catchUp()).projections).toMatchObject([
      { outcome: "stopped", error: { code: "POISON_EVENT" } },
      { outcome: "advanced" },
    ]);
    expect((await bootstrap.status()).projections[0]).toMatchObject({ state: "poisoned", lagEvents: 2 });
    const lenient = createBootstrap({
      pool: scratch.pool,
      projections: [sums, stories],
      policy: { poisonEvent: "set-aside" },
    });
    const booted = await lenient.boot();
    expect(booted).toMatchObject({
      kind: "degraded",
      report: { degraded: [{ projection: "totals", cause: "poisoned" }] },
    });
    expect(booted.model.size(stories)).toBe(2);
    expect(() => booted.model.get(sums, "a")).toThrow(
      expect.objectContaining({ code: "PROJECTION_NOT_LOADED" }) as Error,
    );
    broken.on = false;
    expect(await bootstrap.redrive("totals")).toMatchObject({ faultLifted: true });
    await bootstrap.catchUp();
    expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 3, sum: 10 });
  });

  it("stops a projection whose prebuilt rows cannot take it, and no other projection", async () => {
    await using scratch = await scratchDatabase();
    const { broken, projection } = fragile();
    const stories = story();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [projection, stories] });
    await createBootstrap({ pool: scratch.pool, projections: [stories] }).boot();
    await bootstrap.append("a", amounts(1));
    const [built] = await bootstrap.prebuild(["totals"]);
    await bootstrap.append("a", amounts(7, 2));
    expect((await bootstrap.catchUp()).projections).toEqual([
      expect.objectContaining({
        projection: "totals",
        outcome: "stopped",
        position: formatPosition(built!.position),
        error: expect.objectContaining({ code: "POISON_EVENT" }) as unknown,
      }),
      expect.objectContaining({ projection: "story", outcome: "advanced" }),
    ]);
    broken.on = false;
    expect((await bootstrap.catchUp()).projections).toMatchObject([
      { projection: "totals", outcome: "advanced" },
      { projection: "story", outcome: "advanced" },
    ]);
    expect((await bootstrap.boot()).model.get(projection, "a")).toEqual({ count: 3, sum: 10 });
  });

  it.each(["a\0b", "half \ud800"])("is set aside whatever its projector's error quotes: %j", async (text) => {
    await using scratch = await scratchDatabase();
    const refuse = ({ data }: { data: unknown }, place: string): void => {
      if ((data as { at?: string }).at === place) throw new Error(`${text} is unknown`);
    };
    const [rows, keys] = [
      totals({
        apply: (state, event) => {
          refuse(event, "apply");
          return { count: state.count + 1, sum: state.sum + event.data.amount };
        },
      }),
      totals({
        name: "keys",
        identity: "keys 1",
        key: (event) => {
          refuse(event, "key");
          return event.stream;
        },
      }),
    ];
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [rows, keys] });
    await bootstrap.boot();
    await bootstrap.append("bad", [{ type: "added", data: { amount: 1, at: "apply" } }]);
    await bootstrap.append("good", amounts(1));
    await bootstrap.append("bad", [{ type: "added", data: { amount: 1, at: "key" } }]);
    for (const outcome of ["first", "again"]) {
      expect((await bootstrap.catchUp()).projections, outcome).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ projection: "totals", outcome: "advanced" }),
          expect.objectContaining({
            projection: "keys",
            outcome: "stopped",
            error: expect.objectContaining({ code: "POISON_EVENT" }) as unknown,
          }),
        ]),
      );
    }
    const { projections } = await bootstrap.status();
    expect(projections).toMatchObject([
      { state: "poisoned", lagEvents: 0, versions: [{ parked: 2 }] },
      {
        state: "poisoned",
        lagEvents: 1,
        versions: [{ fault: expect.stringContaining("is unknown") as string }],
      },
    ]);
    expect(await scratch.rows("select key, state from headstart_projections.totals")).toEqual([
      { key: "good", state: { count: 1, sum: 1 } },
    ]);
  });

  it("while following sets the key aside in memory, and leaves the rest in step", async () => {
    await using scratch = await scratchDatabase();
    const { projection } = fragile();
    const stories = story();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [projection, stories] });
    const { model, ...booted } = await bootstrap.boot();
    await using following = bootstrap.follow({ model, ...booted }, { pollMs: 60_000 });
    await bootstrap.append("a", amounts(7));
    const { events } = await bootstrap.append("b", amounts(1));
    await following.whenApplied(events[0]!.position);
    expect(model.get(projection, "a")).toBeUndefined();
    expect(model.get(projection, "b")).toEqual({ count: 1, sum: 1 });
    expect(model.get(stories, "story 1")).toEqual({ text: "a.1 b.1 " });
  });

  it("is brought into shape by an upcaster", async () => {
    await using scratch = await scratchDatabase();
    const sums = totals({
      types: ["added"],
      upcasters: [
        { type: "plus", as: "add", data: (data) => ({ value: (data as { v: number }).v }) },
        { type: "add", as: "added", data: (data) => ({ amount: (data as { value: number }).value }) },
      ],
    });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", [
      { type: "plus", data: { v: 1 } },
      { type: "add", data: { value: 2 } },
      { type: "added", data: { amount: 4 } },
      { type: "unrelated", data: { text: "much of it" } },
    ]);
    const { model, report } = await bootstrap.boot();
    expect(model.get(sums, "a")).toEqual({ count: 3, sum: 7 });
    // The unrelated event is scanned, and none of its data travels.
    expect(report.reads.rebuild).toMatchObject({ rows: 4, bytes: 7 + 11 + 12 });
  });
});

describe("what retention may cut", () => {
  it("is what every version holds, up to the first event that waits", async () => {
    await using scratch = await scratchDatabase();
    const { projection } = fragile();
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [projection, story()] });
    expect((await bootstrap.retentionFloor()).position).toBeUndefined();
    await bootstrap.boot();
    const one = await bootstrap.append("a", amounts(1));
    await bootstrap.catchUp();
    expect((await bootstrap.retentionFloor()).position).toEqual(one.events[0]?.position);
    const { events } = await bootstrap.append("a", amounts(7, 2));
    await bootstrap.catchUp();
    const floor = await bootstrap.retentionFloor();
    expect(floor.position?.number).toBe((events[0]?.position.number ?? 0n) - 1n);
    expect(floor.holders).toHaveLength(2);
  });
});
