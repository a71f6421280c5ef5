import { expect, test } from "vitest";
import { formatBytes, formatDuration, formatTable, printable } from "../../src/output/format.ts";

test("durations have the unit that fits", () => {
  expect([0, 850, 999.6, 3_200, 59_960, 125_000, 3_600_000].map(formatDuration)).toEqual([
    "0 ms",
    "850 ms",
    "1.0 s",
    "3.2 s",
    "1 min 0 s",
    "2 min 5 s",
    "1 h 0 min",
  ]);
  expect(formatDuration(119_700)).toBe("2 min 0 s");
});

test("sizes are decimal", () => {
  expect([0, 999, 1_000, 4_100_000, 7_000_000_000].map(formatBytes)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.0 kB",
    "4.1 MB",
    "7.0 GB",
  ]);
});

test("columns are as wide as their widest cell, whatever its colours", () => {
  expect(
    formatTable([
      ["a", "\u001b[31mred\u001b[39m", "x"],
      ["long", "b", ""],
    ]),
  ).toBe("a     \u001b[31mred\u001b[39m  x\nlong  b");
});

test("text from outside cannot steer the terminal", () => {
  expect(printable("a\u001b[2J\r\nb\u202ec")).toBe("a [2J b c");
  expect(printable("x".repeat(300))).toHaveLength(200);
});
