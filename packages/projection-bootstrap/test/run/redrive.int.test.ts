import { expect, it } from "vitest";
import { z } from "zod";
import { createBootstrap } from "../../src/create-bootstrap.ts";
import type { EventLog, StoredEvent } from "../../src/log/event-log.ts";
import { postgresLog } from "../../src/log/postgres-log.ts";
import { defineProjection } from "../../src/projection/define-projection.ts";
import { amounts, totals } from "../support/projections.ts";
import { scratchDatabase } from "../support/scratch-database.ts";

/** Rows that copy the one that an event's type names; what they cannot take can be changed. */
function copying() {
  const refused = new Set<number>();
  const projection = defineProjection<{ sum: number }, StoredEvent<{ amount: number }>>({
    name: "copying",
    identity: "copying 1",
    key: ({ stream }) => stream,
    reads: ({ type }) => (type === "added" ? [] : [type]),
    schema: z.object({ sum: z.number() }),
    init: () => ({ sum: 0 }),
    apply: ({ sum }, { type, data }, { get }) => {
      if (refused.has(data.amount)) throw new Error(`no ${data.amount}`);
      return { sum: sum + (type === "added" ? data.amount : (get(type)?.sum ?? 0)) };
    },
  });
  return { refused, projection };
}

const copyOf = (stream: string) => [{ type: stream, data: { amount: 0 } }];

it("keys are redriven past others that stay set aside, and in one pass over the log", async () => {
  await using scratch = await scratchDatabase();
  const { refused, projection } = copying();
  const own = postgresLog();
  let rows = 0;
  const log: EventLog = {
    ...own,
    read: async (client, range) => {
      const page = await own.read(client, range);
      rows += page.events.length;
      return page;
    },
  };
  const bootstrap = createBootstrap({ pool: scratch.pool, projections: [projection], log });
  await bootstrap.boot();
  for (const each of [7, 8, 9]) refused.add(each);
  await bootstrap.append("a", amounts(1, 7));
  await bootstrap.append("b", amounts(8));
  await bootstrap.append("c", amounts(2, 9, 3));
  await bootstrap.append("d", copyOf("a"));
  await bootstrap.append("e", copyOf("c"));
  await bootstrap.catchUp();
  expect((await bootstrap.boot()).report.projections[0]?.parked).toEqual(["a", "b", "c", "d", "e"]);

  refused.delete(7);
  refused.delete(8);
  rows = 0;
  const one = await bootstrap.redrive("copying", { key: "b" });
  expect(one).toEqual({ repaired: ["b"], failed: [], faultLifted: false });
  expect(rows).toBe(8);
  const { repaired, failed } = await bootstrap.redrive("copying");
  expect(repaired).toEqual(["a", "d"]);
  expect(failed).toEqual([
    { key: "c", error: expect.stringContaining("no 9") as string },
    { key: "e", error: expect.stringContaining('it depends on row "c"') as string },
  ]);
  expect(await bootstrap.verify("copying")).toMatchObject({ equal: true, parked: ["c", "e"] });
  const { model } = await bootstrap.boot();
  expect(model.get(projection, "d")).toEqual({ sum: 8 });

  refused.clear();
  rows = 0;
  expect(await bootstrap.redrive("copying")).toMatchObject({ repaired: ["c", "e"], failed: [] });
  expect(rows).toBe(8);
  expect(await bootstrap.verify("copying")).toMatchObject({ equal: true, parked: [] });
  expect((await bootstrap.boot()).model.get(projection, "e")).toEqual({ sum: 14 });
});

it.each(["async", "inline"] as const)(
  "a row that the log knows nothing of goes, and rows are counted as they are: %s",
  async (mode) => {
    await using scratch = await scratchDatabase();
    const sums = totals({ mode });
    const bootstrap = createBootstrap({ pool: scratch.pool, projections: [sums] });
    await bootstrap.append("a", amounts(1));
    await bootstrap.boot();
    const version = (await bootstrap.status()).projections[0]?.versions[0];
    await scratch.rows(
      `insert into headstart_projections.rows_${version?.id}
       values ('ghost', '{"count":1,"sum":1}', 1, '1', 1)`,
    );
    if (mode === "async") await scratch.rows("update headstart_projections.version set row_count = 2");
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: false, first: { key: "ghost" } });
    expect(await bootstrap.redrive("totals", { key: "ghost" })).toMatchObject({
      repaired: ["ghost"],
      failed: [],
    });
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 1 });
    const { model, report } = await bootstrap.boot();
    expect([...model.entries(sums)]).toEqual([["a", { count: 1, sum: 1 }]]);
    expect(report.projections[0]).toMatchObject({ found: "ready" });
    await bootstrap.append("ghost", amounts(5));
    await bootstrap.catchUp();
    expect(await bootstrap.verify("totals")).toMatchObject({ equal: true, rows: 2 });
  },
);
