import { afterAll, beforeAll, expect, test } from "vitest";
import { findDeliveries, readDelivery, remakeDeliveries } from "../../src/deliveries.ts";
import { openCanvases, type Canvases } from "../open-canvases.ts";

// Whether the template was built or restored, these hold: what a snapshot leaves out is made again.
let canvases: Canvases;
beforeAll(async () => {
  canvases = await openCanvases();
});
afterAll(async () => await canvases[Symbol.asyncDispose]());

test("the delivery of an event can be had, stored or not", async () => {
  const { rows } = await canvases.db.query<{ position: number; stream: string }>(
    "select position::float8 as position, stream from event where type = 'workflow_run.completed' order by position limit 1",
  );
  const { position, stream } = rows[0] ?? { position: 0, stream: "" };
  const before = await readDelivery(canvases.db, position);
  expect(before).toMatchObject({
    body: { action: "completed", workflow_run: { id: Number(stream.slice(4)) } },
  });

  await canvases.db.query("update event set delivery = null where position = $1", [position]);
  const remade = await readDelivery(canvases.db, position);
  expect(remade).toEqual({ ...before, status: "remade" });
  expect(await readDelivery(canvases.db, 999_999_999)).toEqual({ status: "absent" });
});

test("a search among deliveries says when it would be incomplete, and how to make it whole", async () => {
  // The newest alone, so that this test need not make all of them again.
  await canvases.db.query("delete from event where position <= (select max(position) - 500 from event)");
  await canvases.db.query("update event set delivery = null");
  const pattern = { repository: { default_branch: "main" } };
  expect(await findDeliveries(canvases.db, pattern)).toEqual({ status: "missing", count: 500 });
  expect(await remakeDeliveries(canvases.db)).toBeGreaterThan(0);
});

test("a delivery from elsewhere cannot be left out", async () => {
  await expect(
    canvases.db.query(
      `insert into event (occurred_at, stream, version, type, data, modelled)
       values ('2025-06-01', 'github', 1000000, 'ping', '{}', false)`,
    ),
  ).rejects.toThrow("event_check");
});
