import { rename } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { gatedPool } from "./support/gated-pool.ts";
import { openProject, note } from "./support/open-project.ts";
import { buildGood, claimOne, expireLeases, makeDue } from "./support/take-over.ts";

const handbook = "handbook";

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("D1: a build that was overtaken does not bring old content back", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("old") });
    await materializer.observe(handbook);
    const slow = await claimOne(materializer);
    const old = await buildGood(materializer, slow);
    await upstream.commit("main", { "notes/a/x.json": note("new") });
    await materializer.observe(handbook);
    await expireLeases(project.db);
    await project.settle();
    await expect(materializer.publish(slow, old)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await project.notes("main")).toEqual({ "a/x.json": "new" });
  });

  test("D2: one bad commit hides nothing of the last good one", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("good") });
    await project.settle();
    const bad = await upstream.commit("main", { "notes/a/x.json": "{", "notes/b/y.json": note("y") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "good" });
    const branch = await materializer.branch({ repository: handbook, branch: "main" });
    expect(branch).toMatchObject({
      errorCode: "CONTENT_INVALID",
      errorOid: bad,
      desiredOid: bad,
      dirty: false,
    });
    expect(await materializer.blockingIssues({ repository: handbook, branch: "main" })).toMatchObject([
      { path: "notes/a/x.json", line: 1, column: 1, code: "json", severity: "error" },
    ]);
    await upstream.commit("main", { "notes/a/x.json": note("better") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "better", "b/y.json": "y" });
    expect(await materializer.blockingIssues({ repository: handbook, branch: "main" })).toEqual([]);
  });

  test("D3: the late error of an old commit does not overwrite a newer good state", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": "{" });
    await materializer.observe(handbook);
    const slow = await claimOne(materializer);
    await upstream.commit("main", { "notes/a/x.json": note("good") });
    await materializer.observe(handbook);
    await expireLeases(project.db);
    await project.settle();
    const failure = { kind: "content", code: "CONTENT_INVALID", message: "late", issues: [] } as const;
    await expect(materializer.fail(slow, failure)).rejects.toMatchObject({ code: "LEASE_LOST" });
    const branch = await materializer.branch({ repository: handbook, branch: "main" });
    expect(branch).toMatchObject({ errorCode: null, dirty: false });
  });

  test("D4: a branch that vanished before its build is looked at again, not retried until it is parked", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await upstream.commit("drafts/d", { "notes/a/x.json": note("draft") });
    await project.materializer.observe(handbook);
    await upstream.deleteBranch("drafts/d");
    await upstream.git(["reflog", "expire", "--expire=now", "--all"]);
    await upstream.git(["gc", "--quiet", "--prune=now"]);
    // Another machine, whose mirror never had the commit.
    const other = await project.another();
    const results = [];
    for (const lease of await other.claim({ limit: 5 }))
      results.push([lease.ref, await other.materialize(lease)] as const);
    expect(new Map(results).get("refs/heads/drafts/d")).toMatchObject({
      outcome: "failed",
      how: "observing",
      code: "GIT_REF_MISSING",
    });
    await other.observe(handbook);
    const gone = await materializer.branch({ repository: handbook, branch: "drafts/d" });
    expect(gone.deletedAt).not.toBeNull();
    expect(await project.notes("main")).toEqual({ "a/x.json": "x" });
  });

  test("D5: a branch deleted and made again is a new incarnation; a build of the dead one is fenced out", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await upstream.commit("drafts/d", { "notes/a/x.json": note("first life") });
    await project.settle();
    await upstream.commit("drafts/d", { "notes/a/x.json": note("unfinished") });
    await materializer.observe(handbook);
    const dead = await claimOne(materializer);
    const built = await buildGood(materializer, dead);
    await upstream.deleteBranch("drafts/d");
    await materializer.observe(handbook);
    await expect(materializer.publish(dead, built)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await project.notes("drafts/d")).toEqual({});
    await upstream.forcePush("drafts/d", { "notes/a/x.json": note("second life") });
    await project.settle();
    expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "second life" });
    const branch = await materializer.branch({ repository: handbook, branch: "drafts/d" });
    expect(branch.incarnation).toBe(2);
    expect(await materializer.history({ repository: handbook, branch: "drafts/d" })).toHaveLength(1);
    await expect(materializer.publish(dead, built)).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  test("D6: a draft that is made and built while somebody lists the branches is not taken for deleted", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await project.settle();
    await using pool = gatedPool(project.databaseUrl);
    const slow = await project.another({ db: pool.db });
    await upstream.commit("main", { "notes/a/x.json": note("y") });
    // It has listed the branches and is about to record that, when the draft comes and another one observes it.
    const listing = slow.observe(handbook);
    await pool.waiting();
    await upstream.commit("drafts/new", { "notes/a/x.json": note("new") });
    await project.db.query(
      "update headstart_materializer.repositories set observe_until = now() - interval '1 s'",
    );
    await project.settle();
    pool.open();
    expect(await listing).toEqual({ outcome: "superseded" });
    expect(await project.notes("drafts/new")).toEqual({ "a/x.json": "new" });
    await project.settle();
    const draft = await materializer.branch({ repository: handbook, branch: "drafts/new" });
    expect(draft).toMatchObject({ deletedAt: null, incarnation: 1 });
  });

  test("D7: a draft at the commit of main and main are two projections, whichever moves", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    const first = await upstream.commit("main", { "notes/a/x.json": note("one") });
    await upstream.branch("drafts/d", first);
    await project.settle();
    const second = await upstream.commit("drafts/d", { "notes/a/x.json": note("two") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "one" });
    expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "two" });
    await upstream.branch("main", second);
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "two" });
    expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "two" });
  });

  test("D8: a failed commit of the live branch is in no history and is never the latest version", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const good = await upstream.commit("main", { "notes/a/x.json": note("good") });
    await project.settle();
    await upstream.commit("main", { "notes/a/x.json": "{" });
    await project.settle();
    const main = { repository: handbook, branch: "main" };
    expect((await materializer.history(main)).map((version) => version.oid)).toEqual([good]);
    expect(await materializer.branch(main)).toMatchObject({ servedOid: good, latestOid: good });
  });

  test("D9: an event exists exactly when its version does", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, db } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await materializer.observe(handbook);
    await db.query(`create function headstart_materializer.refuse() returns trigger language plpgsql
    as $$ begin raise exception 'the disk is full'; end $$`);
    await db.query(`create trigger refuse before insert on headstart_materializer.events
    for each row execute function headstart_materializer.refuse()`);
    const lease = await claimOne(materializer);
    const built = await buildGood(materializer, lease);
    await expect(materializer.publish(lease, built)).rejects.toThrow("the disk is full");
    expect(await project.notes("main")).toEqual({});
    await db.query("drop trigger refuse on headstart_materializer.events");
    await materializer.publish(lease, built);
    const seen: string[] = [];
    await materializer.consume({
      consumer: "test",
      handler: async (message) => void seen.push(`${message.event} ${message.position}`),
    });
    expect(seen).toEqual(["branch-materialized 1"]);
  });

  test("D10: a push to a branch that is neither live nor a draft is nobody's error", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, db } = project;
    await upstream.commit("feature/x", { "notes/a/x.json": "{" });
    expect(await materializer.observe(handbook)).toMatchObject({ outcome: "unchanged", ignored: 1 });
    expect(await materializer.claim({ limit: 5 })).toEqual([]);
    const { rows } = await db.query("select * from headstart_materializer.branches");
    expect(rows).toEqual([]);
  });

  test("D11: an outage of git costs nothing but time, however long it is", async () => {
    await using project = await openProject({ over, settings: { maxAttempts: 2 } });
    const { upstream, materializer, db } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await materializer.observe(handbook);
    await rename(upstream.directory, `${upstream.directory}.away`);
    // A machine with an empty mirror has to ask git for the commit, and cannot.
    const other = await project.another({ settings: { maxAttempts: 2 } });
    for (const how of ["retrying", "parked"]) {
      await makeDue(db);
      expect(await other.materialize(await claimOne(other))).toMatchObject({ outcome: "failed", how });
    }
    for (let n = 0; n < 4; n += 1) await expect(materializer.observe(handbook)).rejects.toThrow();
    const explained = await materializer.explain({ repository: handbook, branch: "main" });
    expect(explained).toMatchObject({ status: "parked", current: false });
    expect(explained.reasons.join("\n")).toMatch(/redrive/);
    await rename(`${upstream.directory}.away`, upstream.directory);
    expect(await materializer.redrive({ repository: handbook })).toBe(1);
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "x" });
    expect(await materializer.explain({ repository: handbook, branch: "main" })).toMatchObject({
      status: "ready",
      current: true,
    });
  });
});
