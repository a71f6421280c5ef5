import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { story, totals } from "../support/projections.ts";
import { scratchDatabase, type Scratch } from "../support/scratch-database.ts";
import { type Command, History, type Seen } from "./history.ts";

/** Of each kind; every one of them is played to its end. */
const histories = 15;

const stream = fc.nat({ max: 3 });
const amount = fc.integer({ min: -5, max: 5 });

/**
 * Commits out of order: writers open in one order and close in another, while others append past them. One that is open
 * writes again when it is opened again.
 */
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("append" as const), stream, amount }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("open" as const), writer: fc.nat({ max: 1 }), stream, amount }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("close" as const),
      writer: fc.nat({ max: 1 }),
      commit: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("catch up" as const),
      which: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("break off" as const), which: fc.nat({ max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rebuild" as const), which: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("boot" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("poll" as const) }) },
);

/** What every set of projections has to get through, whatever else is drawn. */
const outOfOrder: readonly Command[] = [
  { kind: "append", stream: 0, amount: 1 },
  { kind: "open", writer: 0, stream: 0, amount: 3 },
  { kind: "append", stream: 1, amount: 1 },
  { kind: "rebuild", which: 0 },
  { kind: "open", writer: 1, stream: 2, amount: 1 },
  { kind: "boot" },
  { kind: "close", writer: 1, commit: true },
  { kind: "poll" },
  { kind: "append", stream: 3, amount: 1 },
  { kind: "rebuild", which: 1 },
  { kind: "boot" },
  { kind: "open", writer: 0, stream: 0, amount: 3 },
  { kind: "close", writer: 0, commit: true },
  { kind: "poll" },
];

/** Rows that copy the end of another one: what it says at another time shows. */
function mirror(mode: "async" | "inline") {
  const other = (amount: number): string => `s${(Math.abs(amount) + 1) % 4}`;
  return story({
    name: "mirror",
    identity: "mirror 1",
    mode,
    key: ({ stream: own }) => own,
    reads: ({ data }) => (data.amount % 2 === 0 ? [other(data.amount)] : []),
    apply: ({ text }, { data, version }, { get }) => ({
      text: `${text}${version}${data.amount % 2 === 0 ? `[${get(other(data.amount))?.text.slice(-8)}]` : ""} `,
    }),
  });
}

describe("random histories", () => {
  let scratch: Scratch;
  beforeAll(async () => {
    scratch = await scratchDatabase();
  });
  afterAll(async () => {
    await scratch[Symbol.asyncDispose]();
  });

  it.each([
    ["plain", [totals(), story()]],
    ["inline beside plain", [totals({ mode: "inline" }), story()]],
    ["inline", [totals({ mode: "inline" }), story({ mode: "inline" })]],
    ["that look at others", [mirror("async"), totals({ mode: "inline" })]],
    ["inline that look at others", [mirror("inline"), story()]],
  ])("boot to the full fold: rows %s", async (name, projections) => {
    let played = 0;
    const seen: Seen = { past: 0, overtaken: 0, rebuilt: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30 }), async (commands) => {
        await scratch.pool.query("drop schema if exists headstart_projections cascade");
        await using history = new History(scratch, projections, seen);
        await history.begin();
        for (const each of commands) await history.run(each);
        await history.end();
        played++;
      }),
      // No limit of time: a run that is cut short would pass for one that found nothing.
      { endOnFailure: true, numRuns: histories, examples: [[[...outOfOrder]]] },
    );
    expect(played).toBe(histories);
    const { refused, ...others } = seen;
    for (const [what, times] of Object.entries(others)) expect(times, what).toBeGreaterThan(0);
    if (name === "inline that look at others") expect(refused).toBeGreaterThan(0);
  });
});
