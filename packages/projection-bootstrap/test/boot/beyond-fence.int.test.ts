import type pg from "pg";
import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { fullFold, sorted } from "../support/full-fold.ts";
import { amounts, story, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** Models with an inline projection and two others, one of which counts how often an event is applied. */
async function mixed(page: { rows: number }) {
  const scratch = await scratchDatabase();
  const opened = new Set<pg.PoolClient>();
  const applied = { times: 0 };
  const kept = totals({ name: "kept", identity: "kept 1", mode: "inline" });
  const { apply } = totals().definition;
  const sums = totals({
    apply: (state, event, context) => {
      applied.times++;
      return apply(state, event, context) as typeof state;
    },
  });
  const stories = story();
  const projections = [kept, sums, stories] as const;
  const bootstrap = createBootstrap({ pool: scratch.pool, projections, page });
  await bootstrap.boot();
  const pool = scratch.anotherPool();
  const open = async () => {
    const client = await pool.connect();
    await client.query("begin");
    await client.query("select pg_current_xact_id()");
    opened.add(client);
    return client;
  };
  const end = async (client: pg.PoolClient): Promise<void> => {
    opened.delete(client);
    await client.query("commit");
    client.release();
  };
  const dispose = async (): Promise<void> => {
    for (const client of opened) await end(client);
    await scratch[Symbol.asyncDispose]();
  };
  return { scratch, bootstrap, projections, applied, open, end, [Symbol.asyncDispose]: dispose };
}

it("of what is shown beyond the fence only what is new is read and folded, and all once more when it is final", async () => {
  await using given = await mixed({ rows: 7 });
  const { scratch, bootstrap, projections, applied, open, end } = given;
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted, { pollMs: 60_000 });
  const holding = await open();
  const rounds = 40;
  const expectFold = async (): Promise<void> => {
    for (const each of projections) {
      // Not by the one that counts.
      const definition = each === projections[1] ? totals() : each;
      const expected = sorted(await fullFold(scratch.pool, definition));
      expect(sorted(booted.model.entries<unknown>(each))).toEqual(expected);
    }
  };
  for (let round = 0; round < rounds; round++) {
    await bootstrap.append(`s${round % 3}`, amounts(round));
    await following.poll();
    await expectFold();
  }
  expect(booted.model.position.number).toBe(0n);
  expect(applied.times).toBe(rounds);
  expect(following.health.eventsRead).toBe(rounds);
  const later = await open();
  await end(holding);
  // The fence goes to what was shown, and not to all of it: that is folded for good, and the rest stays shown.
  await bootstrap.append("s0", amounts(1));
  await following.poll();
  await expectFold();
  expect(booted.model.position.number).toBe(BigInt(rounds));
  expect(applied.times).toBe(2 * rounds + 1);
  expect(following.health.eventsRead).toBe(2 * rounds + 1);
  await end(later);
  await bootstrap.append("s1", amounts(1));
  await following.poll();
  await expectFold();
  expect(following.health.eventsRead).toBe(2 * rounds + 2);
});

it("an event that comes late is put in its place, and costs nothing where its rows saw no later one", async () => {
  await using given = await mixed({ rows: 3 });
  const { scratch, bootstrap, projections, open, end } = given;
  const [kept, sums, stories] = projections;
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted, { pollMs: 60_000 });
  const holding = await open();
  const late = await open();
  await bootstrap.append("late", amounts(0), { client: late });
  for (let each = 0; each < 10; each++) await bootstrap.append("s", amounts(0));
  await following.poll();
  expect(following.health.eventsRead).toBe(10);
  await end(late);
  await following.poll();
  expect(booted.model.get(stories, "story 0")?.text).toMatch(/^late\.1 s\.1 .* s\.10 $/);
  for (const each of [kept, sums]) expect(booted.model.get(each, "late")).toEqual({ count: 1, sum: 0 });
  // One for its arrival, and all of them for the text whose order it changed.
  expect(following.health.eventsRead).toBe(10 + 1 + 11);
  await end(holding);
  await bootstrap.append("s", amounts(0));
  await following.poll();
  for (const each of projections) {
    expect(sorted(booted.model.entries<unknown>(each))).toEqual(sorted(await fullFold(scratch.pool, each)));
  }
  expect(following.health.eventsRead).toBe(10 + 1 + 11 + 1);
});

it("a look shows all of a newer snapshot or nothing of it, however many pages it takes", async () => {
  await using given = await mixed({ rows: 2 });
  const { bootstrap, projections, open } = given;
  const [kept, sums] = projections;
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted, { pollMs: 60_000 });
  await following.poll();
  await open();
  await bootstrap.append("a", amounts(...Array<number>(30).fill(1)));
  const seen = new Set<string>();
  const look = following.poll();
  let looking = true;
  void look.finally(() => (looking = false));
  while (looking) {
    seen.add([kept, sums].map((each) => booted.model.get(each, "a")?.count ?? 0).join(" "));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await look;
  expect([...seen].filter((each) => each !== "0 0" && each !== "30 30")).toEqual([]);
  expect(booted.model.get(sums, "a")).toEqual({ count: 30, sum: 30 });
});
