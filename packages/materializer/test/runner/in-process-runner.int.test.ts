import type pg from "pg";
import { expect, test } from "vitest";
import { requestMaterialization } from "../../src/requests/request-materialization.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { holdStatement } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";
import { claimOne, makeDue } from "../support/take-over.ts";

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

test("a request whose branch another process builds is done when it returns", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await using held = holdStatement(project.databaseUrl, /insert into headstart_materializer\.versions/);
  const other = await project.another({ db: held.db });
  await other.observe("handbook");
  const materializing = other.materialize(await claimOne(other));
  await held.reached();
  const requesting = requestMaterialization(materializer.inProcessRunner(), request);
  const looked = expect.poll(async () => await lastStatements(db), { timeout: 30_000 });
  const first = Promise.race([
    requesting.then(() => "returned"),
    looked
      .toContainEqual(expect.stringContaining("b.lease_until >= clock_timestamp() or"))
      .then(() => "waits"),
  ]);
  const seen = await first;
  held.letGo();
  expect(seen).toBe("waits");
  await requesting;
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
  await materializing;
});

test("a request takes a branch over from a builder that died", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  const dead = await project.another({ settings: { leaseMs: 300 } });
  await dead.observe("handbook");
  await claimOne(dead);
  await requestMaterialization(materializer.inProcessRunner(), request);
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
});

test("a request that cannot be done now says which branch is why, and that of another branch does not", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await upstream.commit("drafts/good", { "notes/a/x.json": note("2") });
  await db.query(`
    create function refuse() returns trigger language plpgsql as
      $$ begin if new.class = 'live' and new.served_version is not null then raise 'no room'; end if; return new; end $$;
    create trigger refuse before update on headstart_materializer.branches
      for each row execute function refuse();`);
  const runner = materializer.inProcessRunner();
  const refused = {
    code: "REQUEST_UNFINISHED",
    message: expect.stringMatching(/^main of .*no room/) as string,
  };
  await expect(requestMaterialization(runner, request)).rejects.toMatchObject(refused);
  await requestMaterialization(runner, { ...request, branch: "drafts/good" });
  expect(await project.notes("drafts/good")).toEqual({ "a/x.json": "2" });
  await db.query("drop function refuse() cascade");
  await materializer.pause("handbook");
  await makeDue(db);
  const paused = { code: "REQUEST_UNFINISHED", message: expect.stringContaining("paused") as string };
  await expect(requestMaterialization(runner, { ...request, branch: "main" })).rejects.toMatchObject(paused);
  await materializer.resume("handbook");
  await requestMaterialization(runner, request);
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
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

/** What the sessions of a database that do nothing now did last. */
async function lastStatements(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query<{ query: string }>(
    "select query from pg_stat_activity where datname = current_database() and state = 'idle'",
  );
  return rows.map(({ query }) => query);
}
