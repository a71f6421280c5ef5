import { expect, test } from "vitest";
import { requestMaterialization } from "../../src/requests/request-materialization.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { holdStatement } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";

const request = { type: "repository-branch-updated", repository: "handbook" };

test("a request that another process's observation is in the way of is done when it returns", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  // It has listed the repository, and is about to record that nothing changed.
  await using held = holdStatement(project.databaseUrl, /from headstart_materializer.repositories where id/);
  const other = await project.another({ db: held.db });
  const observing = other.observe("handbook");
  await held.reached();
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  let returned = false;
  const requesting = requestMaterialization(materializer.inProcessRunner(), request).then(
    () => (returned = true),
  );
  const hinted = async (): Promise<unknown> =>
    (await db.query("select from headstart_materializer.repositories where hints > 0")).rowCount;
  await expect.poll(hinted, { timeout: 30_000 }).toBe(1);
  expect(returned).toBe(false);
  held.letGo();
  await observing;
  await requesting;
  expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
});

test("whoever waits for another's observation can give it up", async () => {
  await using project = await openProject();
  const { materializer, db } = project;
  await db.query(
    "update headstart_materializer.repositories set observe_token = 0, observe_until = now() + interval '1 hour'",
  );
  const ending = new AbortController();
  const runner = materializer.inProcessRunner({ signal: ending.signal });
  const requesting = requestMaterialization(runner, request);
  ending.abort();
  await expect(requesting).rejects.toThrow(/abort/i);
});

test("settling one repository builds no other's branches", async () => {
  await using project = await openProject();
  await using neighbour = await scratchRepository();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await neighbour.commit("main", { "notes/a/x.json": note("theirs") });
  await materializer.register({ name: "neighbour", url: neighbour.url, projector: "notes" });
  await materializer.observe("neighbour");
  expect(await materializer.inProcessRunner().settle("handbook")).toMatchObject([{ outcome: "published" }]);
  expect(await materializer.branch({ repository: "neighbour", branch: "main" })).toMatchObject({
    servedOid: null,
    dirty: true,
  });
});
