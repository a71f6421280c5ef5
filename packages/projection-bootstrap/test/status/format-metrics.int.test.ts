import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { formatMetrics } from "../../src/status/format-metrics.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** The samples of a Prometheus text by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

it("metrics hold what the database and the process know, and every sample is declared once", async () => {
  await using scratch = await scratchDatabase();
  const sums = totals();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
  await bootstrap.append("a", amounts(1, 2));
  await bootstrap.boot();
  await bootstrap.append("a", amounts(3));
  const booted = await bootstrap.boot();
  await using following = bootstrap.follow(booted, { pollMs: 60_000 });
  const { events } = await bootstrap.append("b", amounts(4));
  await following.whenApplied(events[0]!.position);
  const verification = await bootstrap.verify("totals");

  const text = formatMetrics(await bootstrap.status(), {
    boot: booted.report,
    following: following.health,
    verifications: [verification],
  });
  const found = samples(text);
  const value = (name: string): number | undefined => found.get(`headstart_projection_${name}`);
  expect(value('lag_events{projection="totals"}')).toBe(2);
  expect(value('lag_seconds{projection="totals"}')).toBeGreaterThan(0);
  expect(value('state{projection="totals",state="behind"}')).toBe(1);
  expect(value('boot_rows{projection="totals"}')).toBe(1);
  expect(value('boot_bytes{projection="totals"}')).toBe(booted.report.projections[0]?.bytes);
  expect(value('boot_event_rows{purpose="tail"}')).toBe(1);
  expect(value('boot_phase_seconds{phase="load"}')).toBeCloseTo(booted.report.phases.load / 1000, 6);
  expect(value("boot_degraded")).toBe(0);
  expect(value("follow_healthy")).toBe(1);
  expect(value("follow_event_rows_total")).toBe(1);
  expect(value('verify_differing_keys{projection="totals"}')).toBe(0);
  const declared = [...text.matchAll(/^# TYPE (\S+) (?:gauge|counter)$/gm)].map(([, name]) => name);
  expect(new Set(declared).size).toBe(declared.length);
  const named = new Set([...found.keys()].map((key) => key.replace(/\{.*/, "")));
  expect(named).toEqual(new Set(declared));
});
