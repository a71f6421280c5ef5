import { expect, test } from "vitest";
import { parseAge, parseCount, parseSize, parseTimeout } from "../src/parse-quantity.ts";

test("counts, sizes and ages are read as people write them", () => {
  expect(parseCount("5")).toBe(5);
  expect(["10", "500MB", "1.5 gb", "2kb"].map(parseSize)).toEqual([10, 500e6, 1.5e9, 2e3]);
  expect(["0s", "30m", "12h", "14d", "2w"].map(parseAge)).toEqual([0, 18e5, 432e5, 12_096e5, 12_096e5]);
});

test("anything else is refused with an example", () => {
  for (const text of ["", "-1", "1.5", "many"]) expect(() => parseCount(text)).toThrow("for example 5");
  for (const text of ["", "5XB", "MB", "-1MB"]) expect(() => parseSize(text)).toThrow("for example 500MB");
  for (const text of ["", "5", "5y", "1.5d"]) expect(() => parseAge(text)).toThrow("14d");
});

test("a timeout is refused beyond what a timer can wait for", () => {
  expect(["30s", "10m", "24d"].map(parseTimeout)).toEqual([3e4, 6e5, 20_736e5]);
  for (const text of ["25d", "4w", "8w"]) expect(() => parseTimeout(text)).toThrow("at most 24d");
  expect(() => parseTimeout("soon")).toThrow("for example 30s or 10m");
});
