import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { z } from "zod";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { defineProjection } from "../../src/projection/define-projection.ts";
import type { StoredEvent } from "../../src/log/event-log.ts";
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

it("a follower that is closed leaves nothing with the signal that could have ended it", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  const booted = await bootstrap.boot();
  const { signal } = new AbortController();
  const following = bootstrap.follow(booted, { signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  await following.close();
  expect(getEventListeners(signal, "abort")).toEqual([]);
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

it("an event that cannot be applied in the order that is only shown is applied once the order is known", async () => {
  await using scratch = await scratchDatabase();
  const kept = totals({ name: "kept", identity: "kept 1", mode: "inline" });
  const names = defineProjection<{ known: number[]; used: number }, StoredEvent<{ amount: number }>>({
    name: "names",
    identity: "names 1",
    key: () => "all",
    schema: z.object({ known: z.array(z.number()), used: z.number() }),
    init: () => ({ known: [], used: 0 }),
    apply: ({ known, used }, { stream, data }) => {
      if (stream === "define") return { known: [...known, data.amount], used };
      if (!known.includes(data.amount)) throw new Error(`${data.amount} is unknown`);
      return { known, used: used + 1 };
    },
  });
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [kept, names] });
  await bootstrap.boot();
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted, { pollMs: 60_000 });
  const open = await scratch.anotherPool().connect();
  await open.query("begin");
  await bootstrap.append("define", amounts(7), { client: open });
  await bootstrap.append("use", amounts(7));
  await following.poll();
  const between = await bootstrap.boot();
  expect(between.report.projections[1]).toMatchObject({ name: "names", parked: ["all"] });
  await open.query("commit");
  open.release();
  await bootstrap.append("define", amounts(8));
  await following.poll();
  await using later = bootstrap.follow(between, { pollMs: 60_000 });
  await later.poll();
  for (const { model } of [booted, between, await bootstrap.boot()]) {
    expect(model.get(names, "all")).toEqual({ known: [7, 8], used: 1 });
  }
});
