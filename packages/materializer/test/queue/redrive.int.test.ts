import { expect, test } from "vitest";
import { holdStatement, lockAwaited } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";

test("a redrive and an observation that change the same branches do not wait for each other in a circle", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
  for (const branch of ["drafts/a", "drafts/b", "drafts/c"]) await upstream.branch(branch, tip);
  await project.settle();
  await db.query(
    "update headstart_materializer.branches set error_code = 'GIT_TRANSIENT' where class = 'draft'",
  );
  await upstream.git(["update-ref", "-d", "refs/heads/drafts/a"]);
  await upstream.commit("drafts/c", { "notes/a/x.json": note("2") });
  // The observation has written what moved, and is about to write what is gone.
  await using held = holdStatement(project.databaseUrl, /set deleted_at = now\(\)/);
  const observing = (await project.another({ db: held.db })).observe("handbook");
  await held.reached();
  const redriving = materializer.redrive({ repository: "handbook" });
  await lockAwaited(db);
  held.letGo();
  expect(await observing).toMatchObject({ moved: 1, deleted: 1 });
  expect(await redriving, "what is still there").toBe(2);
});
