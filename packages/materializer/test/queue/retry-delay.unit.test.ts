import { expect, test } from "vitest";
import { retryDelayMs } from "../../src/queue/retry-delay.ts";

test("doubles from a second to ten minutes, of which a random half is taken", () => {
  expect([1, 2, 3, 30].map((attempt) => retryDelayMs(attempt, 0))).toEqual([500, 1_000, 2_000, 300_000]);
  expect(retryDelayMs(3, 0.5)).toBe(3_000);
});
