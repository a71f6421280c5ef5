import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

it("a runner tells once that a projection was stopped, and again once it is stopped anew", async () => {
  await using scratch = await scratchDatabase();
  const broken = { on: true };
  const sums = totals({
    key: ({ stream, data }) => {
      if (broken.on && data.amount === 7) throw new Error("whose is it?");
      return stream;
    },
  });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums, story()] });
  await bootstrap.boot();
  await bootstrap.append("a", amounts(7));
  const errors: { message: string }[] = [];
  let rounds = 0;
  const stop = new AbortController();
  const run = bootstrap.run({
    signal: stop.signal,
    pollMs: 1,
    onRound: () => void rounds++,
    onError: (error) => errors.push(error as Error),
  });
  try {
    await expect.poll(() => rounds).toBeGreaterThan(3);
    expect(errors).toMatchObject([{ message: expect.stringContaining("whose is it?") as string }]);
    broken.on = false;
    await bootstrap.redrive("totals");
    await expect.poll(async () => (await bootstrap.status()).projections[0]?.lagEvents).toBe(0);
    broken.on = true;
    await bootstrap.append("b", amounts(7));
    await expect.poll(() => errors.length).toBe(2);
  } finally {
    stop.abort();
    await run;
  }
});

it("a row that cannot be stored sets its key aside, and the others go on", async () => {
  await using scratch = await scratchDatabase();
  const broken = { on: true };
  const sums = totals({
    apply: (state, { data }) => ({
      count: state.count + 1,
      sum: broken.on && data.amount === 7 ? Number.NaN : state.sum + data.amount,
    }),
  });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.boot();
  await bootstrap.append("a", amounts(1, 7, 2));
  await bootstrap.append("b", amounts(3));
  expect((await bootstrap.catchUp()).projections).toMatchObject([{ outcome: "advanced" }]);
  expect(await scratch.rows("select key, state from headstart_projections.totals order by key")).toEqual([
    { key: "a", state: { count: 1, sum: 1 } },
    { key: "b", state: { count: 1, sum: 3 } },
  ]);
  expect((await bootstrap.status()).projections[0]).toMatchObject({
    state: "poisoned",
    versions: [{ parked: 2 }],
  });
  broken.on = false;
  expect(await bootstrap.redrive("totals")).toMatchObject({ repaired: ["a"], failed: [] });
  expect((await bootstrap.boot()).model.get(sums, "a")).toEqual({ count: 3, sum: 10 });
  expect(await bootstrap.verify("totals")).toMatchObject({ equal: true });
});

it("a row with a minus zero is one that can be stored: JSON has one zero", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals({ apply: ({ count }, { data }) => ({ count: count + 1, sum: -data.amount }) });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.boot();
  await bootstrap.append("a", amounts(0));
  expect((await bootstrap.boot()).model.get(sums, "a")?.sum === 0).toBe(true);
  expect((await bootstrap.catchUp()).projections).toMatchObject([{ outcome: "advanced" }]);
  expect(await bootstrap.verify("totals")).toMatchObject({ equal: true });
});
