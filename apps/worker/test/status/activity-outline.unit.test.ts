import fc from "fast-check";
import { expect, test } from "vitest";
import { noActivity, outlineAsOf } from "../../src/status/activity-outline.ts";
import { branchActivity, type BranchActivity } from "../../src/status/branch-activity.ts";

const types = ["branch-materialized", "branch-failed", "branch-parked", "branch-pinned", "branch-observed"];

function fold(happened: readonly string[]): BranchActivity | undefined {
  const { init, apply } = branchActivity.definition;
  const context = { get: () => undefined } as never;
  let state: unknown = init("1");
  for (const [index, type] of happened.entries()) {
    const recordedAt = new Date(index * 1000);
    const position = { era: 0, xid: 0n, number: BigInt(index + 1) } as never;
    state = apply(state, { position, stream: "1", version: index + 1, type, data: {}, recordedAt }, context);
  }
  return state as BranchActivity;
}

test("what happened after a branch's row was read is not in its outline, or the outline is not known", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...types), { maxLength: 30 }), fc.nat(30), (happened, at) => {
      const eventPosition = Math.min(at, happened.length);
      const before = happened.slice(0, eventPosition);
      const outline = outlineAsOf(fold(happened), { eventPosition, deletedAt: null });
      const later = happened.length - eventPosition;
      if (later >= 8 && eventPosition > 0) {
        expect(outline).toBeUndefined();
        return;
      }
      const count = (type: string): number => before.filter((each) => each === type).length;
      expect(outline).toEqual({
        since: before.length === 0 ? null : new Date(0).toISOString(),
        published: count("branch-materialized"),
        failed: count("branch-failed"),
        parked: count("branch-parked"),
        lastType: before.at(-1) ?? null,
        lastAt: before.length === 0 ? null : new Date((before.length - 1) * 1000).toISOString(),
      });
    }),
  );
});

test("a branch whose deletion is known before its row says so keeps what was said of it", () => {
  expect(outlineAsOf(undefined, { eventPosition: 3, deletedAt: null })).toBeUndefined();
  expect(outlineAsOf(undefined, { eventPosition: 4, deletedAt: new Date() })).toEqual(noActivity);
  expect(outlineAsOf(undefined, { eventPosition: 0, deletedAt: null })).toEqual(noActivity);
});
