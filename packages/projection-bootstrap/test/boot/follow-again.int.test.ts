import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** An inline projection, an asynchronous one, and a transaction that holds the fence back. */
async function mixed() {
  const scratch = await scratchDatabase();
  const kept = totals({ name: "kept", identity: "kept 1", mode: "inline" });
  const sums = totals();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [kept, sums] });
  await bootstrap.boot();
  const open = await scratch.anotherPool().connect();
  const hold = async (): Promise<void> => {
    await open.query("begin");
    await open.query("select pg_current_xact_id()");
  };
  const letGo = async (): Promise<void> => {
    await open.query("rollback");
    open.release();
  };
  return { scratch, bootstrap, kept, sums, hold, letGo };
}

it("a second follower does not apply again what the first one took over from the boot", async () => {
  const { scratch, bootstrap, kept, sums, hold, letGo } = await mixed();
  await using _scratch = scratch;
  await hold();
  await bootstrap.append("a", amounts(5));
  const booted = await bootstrap.boot();
  const first = bootstrap.follow(booted, { pollMs: 60_000 });
  await letGo();
  await bootstrap.append("z", amounts(1));
  await first.poll();
  await first.close();
  await using second = bootstrap.follow(booted, { pollMs: 60_000 });
  await bootstrap.append("y", amounts(1));
  await second.poll();
  for (const projection of [kept, sums]) {
    expect(booted.model.get(projection, "a")).toEqual({ count: 1, sum: 5 });
    expect(booted.model.get(projection, "y")).toEqual({ count: 1, sum: 1 });
  }
});

it("a second follower does not lose what the first one only showed", async () => {
  const { scratch, bootstrap, kept, sums, hold, letGo } = await mixed();
  await using _scratch = scratch;
  await bootstrap.append("a", amounts(1));
  const booted = await bootstrap.boot();
  const first = bootstrap.follow(booted, { pollMs: 60_000 });
  await hold();
  await bootstrap.append("a", amounts(5));
  await first.poll();
  await first.close();
  await letGo();
  await using second = bootstrap.follow(booted, { pollMs: 60_000 });
  await bootstrap.append("y", amounts(1));
  await second.poll();
  for (const projection of [kept, sums]) {
    expect(booted.model.get(projection, "a")).toEqual({ count: 2, sum: 6 });
  }
});

it("followers of one model take turns, so that none applies what another one has", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums], page: { rows: 1 } });
  const booted = await bootstrap.boot();
  await bootstrap.append("a", amounts(...Array<number>(50).fill(1)));
  await using first = bootstrap.follow(booted, { pollMs: 60_000 });
  await using second = bootstrap.follow(booted, { pollMs: 60_000 });
  await Promise.all([first.poll(), second.poll()]);
  expect(booted.model.get(sums, "a")).toEqual({ count: 50, sum: 50 });
});
