import type pg from "pg";
import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** As a pooler or a standby does it: everything works but LISTEN. */
function refuseListen(pool: pg.Pool): pg.Pool {
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown;
    client.query = ((...given: unknown[]) => {
      if (String(given[0]).startsWith("listen")) return Promise.reject(new Error("no listening here"));
      return query(...given);
    }) as typeof client.query;
  });
  return pool;
}

it("where nobody may listen a model is followed by polling, and the failure is told", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals();
  const bootstrap = createBootstrap({ pool: refuseListen(scratch.anotherPool()), projections: [sums] });
  const booted = await bootstrap.boot();
  const errors: unknown[] = [];
  await using following = bootstrap.follow(booted, { pollMs: 10, onError: (error) => errors.push(error) });
  await bootstrap.append("a", amounts(1));
  await expect.poll(() => booted.model.get(sums, "a")).toEqual({ count: 1, sum: 1 });
  expect(following.health).toMatchObject({ healthy: true, listening: false });
  expect(errors[0]).toMatchObject({ message: "no listening here" });
});

it("where nobody may listen a runner goes on by polling, and the failure is told", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals();
  const bootstrap = createBootstrap({ pool: refuseListen(scratch.anotherPool()), projections: [sums] });
  await bootstrap.boot();
  const stop = new AbortController();
  const errors: unknown[] = [];
  const run = bootstrap.run({
    signal: stop.signal,
    pollMs: 10,
    onError: (error) => errors.push(error),
  });
  await bootstrap.append("a", amounts(1));
  await expect.poll(async () => (await bootstrap.status()).projections[0]?.lagEvents).toBe(0);
  stop.abort();
  await run;
  expect(errors[0]).toMatchObject({ message: "no listening here" });
});

it("does not begin to follow when the signal was aborted before", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted, { pollMs: 1, signal: AbortSignal.abort() });
  const { events } = await bootstrap.append("a", amounts(1));
  await expect(following.whenApplied(events[0]!.position)).rejects.toMatchObject({ code: "NOT_FOLLOWING" });
  expect(following.health).toMatchObject({ looks: 0, listening: false });
});
