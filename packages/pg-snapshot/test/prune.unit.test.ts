import { expect, test } from "vitest";
import type { InventoryItem } from "../src/inventory.ts";
import { planPrune } from "../src/prune.ts";

const day = 86_400_000;
const now = Date.parse("2026-06-30T00:00:00Z");

function template(name: string, { bytes, daysAgo }: { bytes: number; daysAgo: number }): InventoryItem {
  return {
    kind: "template",
    name,
    bytes,
    sessions: 0,
    mine: true,
    description: {
      headstart: "template/1",
      target: name,
      digest: name,
      source: "build",
      createdAt: new Date(now - 100 * day).toISOString(),
      lastUsedAt: new Date(now - daysAgo * day).toISOString(),
      buildMs: null,
      serverVersion: "15.18",
      strategy: null,
      probe: {},
      settings: [],
      privileges: null,
    },
  };
}

const items: InventoryItem[] = [
  template("old", { bytes: 10, daysAgo: 30 }),
  template("fresh", { bytes: 50, daysAgo: 1 }),
  template("middle", { bytes: 40, daysAgo: 5 }),
  { kind: "kept-clone", name: "mine", bytes: 1_000, sessions: 0, mine: true },
];
const planned = (budget: Parameters<typeof planPrune>[1]): string[] =>
  planPrune(items, budget, now).map((d) => d.name);

test("without a budget nothing goes", () => {
  expect(planned({})).toEqual([]);
});

test("the least recently used templates go first", () => {
  expect(planned({ maxCount: 1 })).toEqual(["middle", "old"]);
  expect(planned({ maxCount: 2 })).toEqual(["old"]);
});

test("templates beyond the bytes go, and a smaller one that still fits stays", () => {
  expect(planned({ maxBytes: 60 })).toEqual(["middle"]);
});

test("templates that nobody used for long go even when there is room", () => {
  expect(planned({ maxAgeMs: 7 * day })).toEqual(["old"]);
});

test("kept clones are never chosen", () => {
  expect(planned({ maxCount: 0, maxBytes: 0 })).not.toContain("mine");
});
