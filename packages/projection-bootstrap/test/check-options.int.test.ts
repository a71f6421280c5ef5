import pg from "pg";
import { expect, it } from "vitest";
import { type BootstrapOptions, createBootstrap } from "../src/create-bootstrap.ts";
import { adoptLog } from "../src/log/adopt-log.ts";
import { amounts, totals } from "./support/projections.ts";
import { scratchDatabase } from "./support/scratch-database.ts";

const invalid = (option: string) => ({
  code: "OPTION_INVALID",
  message: expect.stringContaining(`${option}: `) as string,
});

it.each<[string, Partial<BootstrapOptions>]>([
  ["page.rows", { page: { rows: 0 } }],
  ["page.rows", { page: { rows: 1.5 } }],
  ["page.bytes", { page: { bytes: -1 } }],
  ["readers", { readers: 0 }],
  ["keep", { keep: -1 }],
  ["leaseMs", { leaseMs: Number.NaN }],
  ["leaseMs", { leaseMs: 2 ** 31 }],
])("no bootstrap is made with a number that cannot work: %s %j", (option, options) => {
  const pool = new pg.Pool();
  expect(() => createBootstrap({ pool, projections: [totals()], ...options })).toThrow(
    expect.objectContaining(invalid(option)) as Error,
  );
});

it("nothing is begun with a number that cannot work", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()], keep: 0, readers: 1 });
  await bootstrap.append("a", amounts(1));
  const booted = await bootstrap.boot({ budget: { bytes: 1000 } });
  const { signal } = new AbortController();
  await expect(bootstrap.boot({ budget: { bytes: -1 } })).rejects.toMatchObject(invalid("budget.bytes"));
  await expect(bootstrap.boot({ budget: { ms: Infinity } })).rejects.toMatchObject(invalid("budget.ms"));
  await expect(bootstrap.run({ signal, pollMs: 0 })).rejects.toMatchObject(invalid("pollMs"));
  await expect(bootstrap.verify("totals", { round: 0.5 })).rejects.toMatchObject(invalid("round"));
  await expect(bootstrap.verify("totals", { eventsPerSecond: 0 })).rejects.toMatchObject(
    invalid("eventsPerSecond"),
  );
  for (const [option, value] of [
    ["share", 0],
    ["everyMs", -1],
    ["eventsPerSecond", Number.NaN],
  ] as const) {
    await expect(bootstrap.verifyContinuously({ signal, [option]: value })).rejects.toMatchObject(
      invalid(option),
    );
  }
  for (const wrong of [
    () => bootstrap.follow(booted, { pollMs: -5 }),
    () => bootstrap.follow(booted, { pollMs: 2 ** 31 }),
  ]) {
    expect(wrong).toThrow(expect.objectContaining(invalid("pollMs")) as Error);
  }
  expect(() => adoptLog({ table: "public.event", settleMs: Number.NaN })).toThrow(
    expect.objectContaining(invalid("settleMs")) as Error,
  );
});
