import { adoptLog, createBootstrap } from "@headstart/projection-bootstrap";
import { expect, test } from "vitest";
import { EventReader } from "../../src/status/event-reader.ts";
import { projections } from "../../src/status/projections.ts";
import { StatusModel } from "../../src/status/status-model.ts";
import { StatusStore } from "../../src/status/status-store.ts";
import type { Status } from "../../src/status/status-schema.ts";
import { markdown, openStatusServer } from "../support/status-server.ts";

test("a build that fails in the middle of a look is in all of its branch's row, or in none of it", async () => {
  await using server = await openStatusServer({ begin: false });
  const log = adoptLog({
    table: "headstart_materializer.events",
    columns: { position: "number", stream: "branch_id", version: "position", data: "message" },
  });
  const bootstrap = createBootstrap({ pool: server.db, projections, log, readers: 2 });
  await using reader = new EventReader(bootstrap, new AbortController().signal);
  const store = new StatusStore({ worker: "w", actions: false });
  const model = new StatusModel(server.db, store);
  const row = () => (JSON.parse(store.snapshot()) as Status).branches[0];
  const look = async (meanwhile: () => Promise<void>): Promise<void> => {
    await model.look(async () => {
      await meanwhile();
      return await reader.read();
    });
    store.commit();
  };
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  await look(async () => undefined);
  expect(row()).toMatchObject({ state: "ready", error: null, activity: { published: 1, failed: 0 } });

  await upstream.commit("main", { "pages/a.md": "---\n---\n" });
  await server.materializer.observe("handbook");
  await look(async () => await server.settle("handbook"));
  expect(row()).toMatchObject({
    state: "pending",
    error: null,
    activity: { published: 1, failed: 0, lastType: "branch-materialized" },
  });
  await look(async () => undefined);
  expect(row()).toMatchObject({
    state: "error",
    error: { code: "CONTENT_INVALID" },
    activity: { published: 1, failed: 1, lastType: "branch-failed" },
  });
});
