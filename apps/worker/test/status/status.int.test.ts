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
