import { expect, test } from "vitest";
import { createRandom } from "../../corpus/random.ts";

test("gives the same numbers for the same seed, today and on any machine", () => {
  const random = createRandom("canvases");
  expect(Array.from({ length: 6 }, () => random.int(1_000))).toMatchInlineSnapshot(`
    [
      859,
      919,
      165,
      21,
      878,
      454,
    ]
  `);
});

test("gives other numbers for a seed that differs by one letter", () => {
  const [one, other] = [createRandom("day 1"), createRandom("day 2")];
  const draw = (random: typeof one): number[] => Array.from({ length: 20 }, () => random.int(1_000_000));
  expect(draw(one)).not.toEqual(draw(other));
});

test("reaches both ends of a range and nothing beyond", () => {
  const random = createRandom("range");
  const drawn = new Set(Array.from({ length: 500 }, () => random.between(3, 7)));
  expect([...drawn].sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7]);
});

test("takes chances about as often as it says", () => {
  const random = createRandom("chance");
  const taken = Array.from({ length: 10_000 }, () => random.chance(30)).filter(Boolean).length;
  expect(taken).toBeGreaterThan(2_700);
  expect(taken).toBeLessThan(3_300);
});
