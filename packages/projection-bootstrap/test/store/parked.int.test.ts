import fc from "fast-check";
import { expect, it } from "vitest";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import { comparePositions, type Position } from "../../src/position.ts";
import { firstParked, type ParkedEvent, parkEvents, waitsIn } from "../../src/store/parked.ts";
import { totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

const position = fc.record({
  era: fc.integer({ min: 1, max: 2 }),
  xid: fc.bigInt({ min: 1n, max: 3n }),
  number: fc.bigInt({ min: 1n, max: 9n }),
});
const event = fc.record({
  key: fc.constantFrom("a", "B", "b", "ä", "a b", "%", "\u{10ffff}"),
  position,
  error: fc.constantFrom("no", undefined),
});
const identify = ({ key, position: { era, xid, number } }: ParkedEvent) => `${era}:${xid}:${number} ${key}`;

it("of all events that wait the first of each key is read, in the log's order, and tells of the others", async () => {
  await using scratch = await scratchDatabase();
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [totals()] });
  await bootstrap.boot();
  const client = await scratch.pool.connect();
  const events = fc.uniqueArray(event, { selector: identify, maxLength: 40 });
  try {
    await fc.assert(
      fc.asyncProperty(events, position, async (given, at: Position) => {
        await client.query("truncate headstart_projections.parked");
        await parkEvents(client, "1", given);
        const inOrder = given.toSorted(
          (a, b) =>
            comparePositions(a.position, b.position) ||
            Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
        );
        const expected = inOrder.filter(
          ({ key }, index) => inOrder.findIndex((each) => each.key === key) === index,
        );
        const first = await firstParked(client, "1");
        expect(first).toEqual(expected);
        const waits = waitsIn(first);
        expect(given.every(({ key, position }) => waits(key, position))).toBe(true);
        for (const key of ["a", "none"]) {
          const isLater = given.some((each) => each.key === key && comparePositions(each.position, at) <= 0);
          expect(waits(key, at)).toBe(isLater);
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    client.release();
  }
});
