import fc from "fast-check";
import { expect, test } from "vitest";
import { createLog } from "../../src/log.ts";
import { backoffMs } from "../../src/loops/backoff.ts";
import { createLoopBoard } from "../../src/loops/loop-board.ts";
import { runLoop } from "../../src/loops/run-loop.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";

function board() {
  const lines: { event: string; failures?: number }[] = [];
  const log = createLog({
    write: (line) => lines.push(JSON.parse(line) as { event: string }),
    redact: (text) => text,
  });
  const metrics = createMetrics();
  return { lines, metrics, loops: createLoopBoard({ log, metrics }) };
}

test("a failure is counted, logged and shown, and the loop goes on until it is ended", async () => {
  const { lines, metrics, loops } = board();
  const ending = new AbortController();
  const reports: unknown[] = [];
  let turns = 0;
  await runLoop({ loops }, ending.signal, {
    loop: "test",
    everyMs: 1,
    turn: async () => {
      turns += 1;
      reports.push(...loops.report());
      if (turns === 1) throw new Error("no luck");
      if (turns === 3) ending.abort();
      await Promise.resolve();
    },
  });
  expect(turns).toBe(3);
  expect(reports).toMatchObject([
    { healthy: true, failures: 0 },
    { healthy: false, failures: 1, lastError: "no luck" },
    { healthy: true, failures: 0, lastError: undefined },
  ]);
  expect(lines.map(({ event }) => event)).toEqual(["loop.failed", "loop.recovered"]);
  expect(loops.report()).toEqual([]);
  expect(await metrics.registry.getSingleMetricAsString("headstart_worker_loop_failures_total")).toContain(
    'headstart_worker_loop_failures_total{loop="test"} 1',
  );
});

test("a turn that had much to do is followed by the next at once", async () => {
  const { loops } = board();
  const ending = new AbortController();
  let turns = 0;
  await runLoop({ loops }, ending.signal, {
    loop: "test",
    everyMs: 3_600_000,
    turn: async () => {
      turns += 1;
      if (turns === 5) ending.abort();
      return await Promise.resolve(true);
    },
  });
  expect(turns).toBe(5);
});

test("a row of failures is logged at its 1st, 2nd, 4th, 8th …", () => {
  const { lines, loops } = board();
  loops.started("test");
  for (let failures = 0; failures < 20; failures += 1) loops.failed("test", new Error("no luck"));
  expect(lines.map(({ failures }) => failures)).toEqual([1, 2, 4, 8, 16]);
});

test("a loop that says nothing for too long is stuck", () => {
  const { loops } = board();
  loops.started("quiet", -1);
  loops.started("lively", 3_600_000);
  expect(loops.report()).toMatchObject([
    { loop: "quiet", stuck: true },
    { loop: "lively", stuck: false },
  ]);
});

test("pauses after failures grow, never beyond half a minute, and differ by at most half", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), random, random, (failures, one, other) => {
      const [a, b] = [backoffMs(failures, one), backoffMs(failures, other)];
      expect(a).toBeGreaterThanOrEqual(250);
      expect(a).toBeLessThanOrEqual(30_000);
      expect(Math.max(a, b)).toBeLessThanOrEqual(2 * Math.min(a, b) + 1);
      expect(backoffMs(failures + 1, one)).toBeGreaterThanOrEqual(a);
    }),
  );
});
