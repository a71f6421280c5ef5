import { expect, test } from "vitest";
import { Recent } from "../../src/status/recent.ts";

test("what was made last is made once, and the oldest makes room", () => {
  const recent = new Recent<number, string>(3);
  const made: number[] = [];
  const ask = (key: number): string =>
    recent.getOr(key, () => {
      made.push(key);
      return `value ${key}`;
    });
  expect([1, 2, 3, 2, 1, 3].map(ask)).toEqual([1, 2, 3, 2, 1, 3].map((key) => `value ${key}`));
  expect(made).toEqual([1, 2, 3]);
  ask(4);
  expect([2, 3, 4].map(ask)).toHaveLength(3);
  expect(made).toEqual([1, 2, 3, 4]);
  ask(1);
  expect(made).toEqual([1, 2, 3, 4, 1]);
  recent.clear();
  ask(1);
  expect(made).toEqual([1, 2, 3, 4, 1, 1]);
});
