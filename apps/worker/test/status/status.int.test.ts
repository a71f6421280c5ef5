import { expect, test } from "vitest";
import { markdown, openStatusServer } from "../support/status-server.ts";

test("says of every branch what is served, what is wanted and what went wrong, with its line", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  const good = await upstream.commit("main", { "pages/a.md": markdown("A"), "pages/b.md": markdown("B") });
  await upstream.commit("drafts/bad", { "pages/c.md": "---\norder: 1\ntitle: 7\n---\n" });
  await server.settle("handbook");
  const status = await server.statusWhen(
    "both branches",
    ({ branches }) => branches.every(({ activity }) => activity.lastAt !== null) && branches.length === 2,
  );
  expect(status.health.ok).toBe(true);
  const [main, bad] = ["main", "drafts/bad"].map((name) =>
    status.branches.find(({ branch }) => branch === name),
  );
  expect(main).toMatchObject({
    repository: "handbook",
    class: "live",
    state: "ready",
    wanted: { commit: good },
    served: { commit: good, author: "Ada <ada@example.org>" },
    behindSince: null,
    error: null,
    activity: { published: 1, failed: 0, lastType: "branch-materialized" },
  });
  expect(bad).toMatchObject({
    class: "draft",
    state: "error",
    served: null,
    error: {
      code: "CONTENT_INVALID",
      issues: 1,
      first: { path: "pages/c.md", line: 3, column: 8, severity: "error" },
    },
    activity: { failed: 1 },
  });
  expect(bad?.behindSince).toBe(bad?.wanted.at);
  expect(status.totals).toMatchObject({ branches: 2, live: 1, drafts: 1, states: { ready: 1, error: 1 } });
  expect(status.hours).toMatchObject([{ published: 1, failed: 1 }]);
  expect(status.latest.map(({ type }) => type).toSorted()).toEqual(["branch-failed", "branch-materialized"]);
});

test("what an audit found is said until the branch is repaired, and not after", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  await server.db.query(`update headstart_materializer.segment_rows set data = '{"title": "forged"}'`);
  await server.materializer.audit();
  const found = await server.statusWhen(
    "the difference",
    ({ branches }) => branches[0]?.audit?.differences !== undefined,
  );
  expect(found.branches[0]?.audit).toMatchObject({ differences: 1 });
  await server.settle("handbook");
  const repaired = await server.statusWhen("the repair", ({ totals }) => totals.states.ready === 1);
  expect(repaired.branches[0]?.audit, "of what is served now").toBeNull();
  await server.materializer.audit();
  const proved = await server.statusWhen(
    "the proof",
    ({ branches }) => branches[0]?.audit?.differences !== undefined,
  );
  expect(proved.branches[0]?.audit).toMatchObject({ differences: 0 });
});

test("failing branches of which readers see nothing at all are counted apart", async () => {
  await using server = await openStatusServer();
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await upstream.branches(["drafts/was-good"], start);
  await server.settle("handbook");
  await upstream.commit("drafts/was-good", { "pages/a.md": "---\n---\n" });
  await server.settle("handbook");
  const { totals } = await server.statusWhen("the error", ({ totals: { states } }) => states.error === 1);
  expect(totals.unserved).toBe(0);
  await upstream.commit("drafts/never-good", { "pages/a.md": "---\n---\n" });
  await server.settle("handbook");
  const both = await server.statusWhen("both errors", ({ totals: { states } }) => states.error === 2);
  expect(both.totals.unserved).toBe(1);
});
