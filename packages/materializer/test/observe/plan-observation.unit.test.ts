import fc from "fast-check";
import { expect, test } from "vitest";
import {
  planObservation,
  type KnownBranch,
  type ObservationPlan,
} from "../../src/observe/plan-observation.ts";
import { branchClassifier } from "../../src/repositories/classify-branch.ts";

const classify = branchClassifier({ live: [], drafts: ["drafts/**"] }, "refs/heads/main");

test("live branches come first, so that they get the earlier sequence numbers", () => {
  const refs = new Map([
    ["refs/heads/drafts/a", "1"],
    ["refs/heads/main", "2"],
  ]);
  const plan = planObservation([], { refs, refused: new Set() }, classify);
  expect(plan.appeared.map(({ ref }) => ref)).toEqual(["refs/heads/main", "refs/heads/drafts/a"]);
});

test("an ordinary branch is ignored, and is no error", () => {
  const plan = planObservation(
    [],
    { refs: new Map([["refs/heads/feature/x", "1"]]), refused: new Set() },
    classify,
  );
  expect(plan).toMatchObject({ appeared: [], moved: [], deleted: [], ignored: 1, guard: undefined });
});

test("a branch whose commit is refused is not deleted, and keeps no other from being", () => {
  const known = ["a", "b", "c"].map((name): KnownBranch => ({
    ref: `refs/heads/drafts/${name}`,
    oid: "1",
    class: "draft",
    deleted: false,
  }));
  const observed = {
    refs: new Map([["refs/heads/drafts/a", "1"]]),
    refused: new Set(["refs/heads/drafts/b"]),
  };
  expect(planObservation(known, observed, classify).deleted).toEqual(["refs/heads/drafts/c"]);
});

test("a branch that left the patterns is no longer projected", () => {
  const known: KnownBranch[] = [{ ref: "refs/heads/other", oid: "1", class: "draft", deleted: false }];
  const plan = planObservation(
    known,
    { refs: new Map([["refs/heads/other", "1"]]), refused: new Set() },
    classify,
  );
  expect(plan.deleted).toEqual(["refs/heads/other"]);
});

test("an empty listing, or one that lost more than half, is held back with its reason", () => {
  const known = Array.from({ length: 6 }, (_, n): KnownBranch => ({
    ref: `refs/heads/drafts/${n}`,
    oid: "1",
    class: "draft",
    deleted: false,
  }));
  const left = new Map(known.slice(0, 2).map(({ ref }) => [ref, "1"] as const));
  expect(planObservation(known, { refs: new Map(), refused: new Set() }, classify).guard).toMatch(
    /no branch at all/,
  );
  expect(planObservation(known, { refs: left, refused: new Set() }, classify).guard).toMatch(/4 of 6/);
  const most = new Map(known.slice(0, 4).map(({ ref }) => [ref, "1"] as const));
  expect(planObservation(known, { refs: most, refused: new Set() }, classify).guard).toBeUndefined();
});

const ref = fc
  .constantFrom("main", "drafts/a", "drafts/b", "drafts/a/c", "drafts/A", "feature")
  .map((name) => `refs/heads/${name}`);
const oid = fc.constantFrom("1", "2", "3");
const listing = fc.dictionary(ref, oid).map((refs) => new Map(Object.entries(refs)));

test("applying a plan of a complete listing makes what is known equal to it, and a second one finds nothing", () => {
  fc.assert(
    fc.property(listing, listing, (before, after) => {
      const known = apply([], planObservation([], { refs: before, refused: new Set() }, classify));
      const changed = apply(known, planObservation(known, { refs: after, refused: new Set() }, classify));
      const alive = changed.filter((branch) => !branch.deleted).map((branch) => [branch.ref, branch.oid]);
      const wanted = [...after].filter(([name]) => classify(name) !== undefined);
      expect(new Map(alive as [string, string][])).toEqual(new Map(wanted));
      const again = planObservation(changed, { refs: after, refused: new Set() }, classify);
      expect([...again.appeared, ...again.moved, ...again.deleted, ...again.reclassified]).toEqual([]);
    }),
  );
});

function apply(known: readonly KnownBranch[], plan: ObservationPlan): KnownBranch[] {
  const rows = new Map(known.map((branch) => [branch.ref, branch]));
  for (const { ref: name, oid: at, class: kind } of [...plan.appeared, ...plan.moved]) {
    rows.set(name, { ref: name, oid: at, class: kind, deleted: false });
  }
  for (const name of plan.deleted) {
    const row = rows.get(name);
    if (row !== undefined) rows.set(name, { ...row, deleted: true });
  }
  return [...rows.values()];
}
