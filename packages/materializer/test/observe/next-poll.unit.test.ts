import fc from "fast-check";
import { expect, test } from "vitest";
import { nextPollMs } from "../../src/observe/next-poll.ts";

const bounds = { pollMinMs: 45_000, pollMaxMs: 900_000 };

test("a quiet repository is asked after half of the time it has been quiet", () => {
  expect(nextPollMs({ idleMs: 600_000, failures: 0 }, bounds, 0)).toBe(300_000);
});

test("a busy one is asked after the shortest wait, one that never changed as well", () => {
  expect(nextPollMs({ idleMs: 10, failures: 0 }, bounds, 0)).toBe(45_000);
  expect(nextPollMs({ idleMs: undefined, failures: 0 }, bounds, 0)).toBe(45_000);
});

test("failures double the wait, from two seconds", () => {
  const waits = [1, 2, 3, 4].map((failures) => nextPollMs({ idleMs: undefined, failures }, bounds, 0));
  expect(waits).toEqual([2_000, 4_000, 8_000, 16_000]);
});

test("a time that the remote names is waited for, beyond the bound if need be", () => {
  expect(nextPollMs({ idleMs: 0, failures: 1, retryAfterMs: 3_600_000 }, bounds, 0.5)).toBe(3_600_000);
});

test("the longest wait is never exceeded, whatever the facts: it is the promise on staleness", () => {
  const facts = fc.record({
    idleMs: fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: undefined }),
    failures: fc.nat(),
  });
  fc.assert(
    fc.property(facts, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (given, random) => {
      const wait = nextPollMs(given, bounds, random);
      expect(wait).toBeLessThanOrEqual(bounds.pollMaxMs);
      expect(wait).toBeGreaterThan(0);
    }),
  );
});
