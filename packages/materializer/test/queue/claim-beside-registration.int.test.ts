import pg from "pg";
import { expect, test } from "vitest";
import { holdStatement, lockAwaited } from "../support/held-statement.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

/** A second projector, by another name. */
const plain = { ...notesProjector(), name: "plain", identity: "of plain" };

/**
 * Has every session that says so wait, in the middle of each statement about branches, until the test lets it go: after
 * the statement has begun, and before it locks a branch.
 */
async function holdClaims({ databaseUrl, db }: Project) {
  await db.query(`create function headstart_materializer.wait_for_test() returns boolean language plpgsql volatile as $$
    begin
      if current_setting('test.waits', true) = 'yes' then perform pg_advisory_xact_lock_shared(4711); end if;
      return true;
    end $$`);
  await db.query("alter table headstart_materializer.branches rename to all_branches");
  await db.query(`create view headstart_materializer.branches as
    select * from headstart_materializer.all_branches where headstart_materializer.wait_for_test()`);
  const holder = new pg.Client({ connectionString: databaseUrl });
  await holder.connect();
  await holder.query("select pg_advisory_lock(4711)");
  const waiting = new pg.Pool({ connectionString: databaseUrl, options: "-c test.waits=yes", max: 2 });
  waiting.on("error", () => undefined);
  return { waiting, letGo: async () => await holder.end() };
}

test.each([undefined, { repository: "handbook" }])(
  "a lease is of the projector that is registered when the branch is taken (only: %o)",
  async (only) => {
    await using project = await openProject({ projectors: [notesProjector(), plain] });
    const { upstream, materializer, url } = project;
    const oid = await upstream.commit("main", { "notes/a/x.json": note("x") });
    await project.settle();
    await upstream.commit("main", { "notes/a/x.json": note("y") });
    await materializer.observe("handbook");
    const held = await holdClaims(project);
    // It begins before the claim and commits in the middle of it.
    await using early = holdStatement(
      project.databaseUrl,
      /^insert into headstart_materializer.repositories/,
    );
    const registrar = await project.another({ db: early.db });
    const registering = registrar.register({ name: "handbook", url, projector: "plain" });
    await early.reached();
    const claimer = await project.another({ db: held.waiting });
    const claiming = claimer.claim({ only });
    await lockAwaited(project.db);
    early.letGo();
    await registering;
    await held.letGo();
    const [lease] = await claiming;
    if (lease === undefined) throw new Error("nothing was taken");
    expect(lease).toMatchObject({ seq: 3, attempt: 1 });
    expect(await claimer.materialize(lease)).toMatchObject({ outcome: "published" });
    expect((await materializer.branch(main)).servedOid).not.toBe(oid);
    await held.waiting.end();
  },
);

test("a branch that became another release's while it was taken is given back at once, without an attempt", async () => {
  await using project = await openProject();
  const { upstream, materializer, url } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  const held = await holdClaims(project);
  await using early = holdStatement(project.databaseUrl, /^insert into headstart_materializer.repositories/);
  const newer = await project.another({ db: early.db, projectors: [notesProjector({ revision: "2" })] });
  const registering = newer.register({ name: "handbook", url, projector: "notes" });
  await early.reached();
  const claimer = await project.another({ db: held.waiting });
  const claiming = claimer.claim();
  await lockAwaited(project.db);
  early.letGo();
  await registering;
  await held.letGo();
  expect(await claiming).toEqual([]);
  expect(await materializer.branch(main)).toMatchObject({ leaseOwner: null, attempts: 0 });
  expect(await newer.claim()).toHaveLength(1);
  await held.waiting.end();
});
