import type pg from "pg";
import { expect, test, vi } from "vitest";
import type { Status } from "../../src/status/status-schema.ts";
import { markdown, openStatusServer } from "../support/status-server.ts";
import { until } from "../support/until.ts";

/** Counts looks: each reads the branches once. */
function countLooks(db: pg.Pool): () => number {
  const query = vi.spyOn(db, "query") as unknown as { mock: { calls: unknown[][] } };
  const looks = (): number =>
    query.mock.calls.filter(([text]) => String(text).includes("headstart_materializer.branches")).length;
  return looks;
}

test("nothing is read while nobody watches, and who comes then is shown what is true now", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  const { status, db, bells } = server.another();
  const quiet = countLooks(db);
  const watched = countLooks(server.db);
  const leaveWatched = server.opened.join();
  /** Another few looks of the process that is watched, each rung for in both. */
  const meanwhile = async (): Promise<void> => {
    const enough = watched() + 4;
    await until(
      () => {
        bells.events.ring();
        server.context.bells.events.ring();
        return watched() >= enough;
      },
      { what: "looks of who is watched" },
    );
  };
  await until(() => quiet() === 1, { what: "the first look" });
  await meanwhile();
  expect(quiet(), "looks that nobody sees").toBe(1);

  const commit = await upstream.commit("main", { "pages/a.md": markdown("B") });
  await server.settle("handbook");
  const seen = JSON.parse((await status.snapshot()).snapshot()) as Status;
  expect(seen.branches[0]?.served?.commit).toBe(commit);

  const leave = status.join();
  const before = quiet();
  await until(() => quiet() >= before + 3, { what: "looks for a viewer" });
  leave();
  await until(
    async () => {
      const last = quiet();
      await meanwhile();
      return quiet() === last;
    },
    { what: "looks to end when the viewer has left" },
  );
  leaveWatched();
});

test("a database that is silent is told to whoever watches, with what was known before", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  await server.statusWhen("the branch", ({ totals }) => totals.states.ready === 1);
  const blocker = await server.db.connect();
  try {
    await blocker.query("begin");
    await blocker.query("lock table headstart_materializer.branches in access exclusive mode");
    const silent = await server.statusWhen("its silence", ({ health }) => !health.ok);
    expect(silent.health).toMatchObject({
      loaded: true,
      reason: expect.stringContaining("not answered") as unknown,
    });
    expect(silent.branches).toHaveLength(1);
  } finally {
    await blocker.query("rollback");
    blocker.release();
  }
  await server.statusWhen("health", ({ health }) => health.ok);
});
