import pg from "pg";
import { expect, test } from "vitest";
import { holdStatement } from "../support/held-statement.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

const damages: [string, string, object][] = [
  [
    "a changed row",
    `update headstart_materializer.segment_rows set data = '{"text": "forged"}' where key = 'a/x.json'`,
    { kind: "different", what: "row" },
  ],
  [
    "a lost row",
    "delete from headstart_materializer.segment_rows where key = 'a/x.json'",
    { kind: "missing", what: "row" },
  ],
  [
    "a row of nobody",
    `insert into headstart_materializer.segment_rows select base_segment, 'ghost', 'note', 'g', '{}' from headstart_materializer.versions limit 1`,
    { kind: "extra", what: "row", unit: "ghost" },
  ],
  [
    "a file of another blob",
    "update headstart_materializer.segment_files set oid = decode(repeat('ab', 20), 'hex') where path = 'notes/a/x.json'",
    { kind: "different", what: "file" },
  ],
];

test.each(damages)("verify finds %s, the audit repairs it", async (_, damage, found) => {
  await using project = await openProject();
  await publishOne(project);
  const { materializer, db } = project;
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  await db.query(damage);
  expect((await materializer.verify(main)).differences).toEqual(
    expect.arrayContaining([expect.objectContaining(found) as object]),
  );
  expect((await materializer.audit())?.differences.length).toBeGreaterThan(0);
  expect(await eventsOf(project)).toEqual(["branch-materialized", "branch-diverged"]);
  expect(await lastAudit(project)).toMatchObject({ differences: expect.any(Number) as number });
  await project.settle();
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  expect(await lastAudit(project), "of what is served now").toEqual({ differences: null, diverged: null });
});

test("what an audit found of a version says nothing of the one that replaced it meanwhile", async () => {
  await using project = await openProject();
  await publishOne(project);
  await using held = holdStatement(project.databaseUrl, /from_scratch = true/);
  const auditor = await project.another({ db: held.db });
  await project.db.query(`update headstart_materializer.segment_rows set data = '{"text": "forged"}'`);
  const audit = auditor.audit();
  await held.reached();
  await project.upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  held.letGo();
  expect((await audit)?.differences.length).toBeGreaterThan(0);
  expect(await lastAudit(project)).toEqual({ differences: null, diverged: null });
  expect(await project.materializer.branch(main), "a rebuild is ordered all the same").toMatchObject({
    dirty: true,
  });
});

/** What it opens publishes another commit before each time that a proof reads what is stored. */
async function proveBesidePushes(project: Project) {
  const db = new pg.Pool({ connectionString: project.databaseUrl, max: 4 });
  const query = db.query.bind(db) as (...args: unknown[]) => unknown;
  let pushed = 0;
  db.query = (async (...args: unknown[]) => {
    if (/from headstart_materializer.version_files where/.test(String(args[0]))) {
      await project.upstream.commit("main", { "notes/a/x.json": note(`pushed ${(pushed += 1)}`) });
      await project.settle();
    }
    return await query(...args);
  }) as typeof db.query;
  const prover = await project.another({ db });
  return { prover, [Symbol.asyncDispose]: async () => await db.end() };
}

test("on a branch that moves during each proof, the answer is for the version that was served at its beginning", async () => {
  await using project = await openProject();
  await publishOne(project);
  const served = await project.upstream.tip("main");
  await using beside = await proveBesidePushes(project);
  const proved = { servedOid: served, gitOid: served, current: true, differences: [] };
  expect(await beside.prover.verify(main)).toMatchObject(proved);
  expect(await beside.prover.audit()).toMatchObject({ current: true, differences: [] });
});

test("where every version is forgotten before it is proved, verify says so instead of never ending", async () => {
  await using project = await openProject({ settings: { history: 1 } });
  await publishOne(project);
  await using beside = await proveBesidePushes(project);
  await expect(beside.prover.verify(main)).rejects.toMatchObject({ code: "VERSION_UNKNOWN" });
});

test("a parsed blob that was falsified in the cache is found, and corrected by the repair", async () => {
  await using project = await openProject();
  await publishOne(project);
  const { materializer, upstream, db } = project;
  await db.query(
    `update headstart_materializer.blob_documents set document = '{"text":"forged","links":[],"revision":"1"}'`,
  );
  await upstream.commit("main", { "notes/a/other.json": note("other") });
  await project.settle();
  expect((await materializer.verify(main)).differences.length).toBeGreaterThan(0);
  await materializer.audit();
  await project.settle();
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  expect(await project.notes("main")).toMatchObject({ "a/x.json": "x" });
});

test("during a rollout each revision audits what it made, and nothing is told to differ", async () => {
  await using project = await openProject();
  await publishOne(project);
  const { materializer, upstream } = project;
  const next = await project.another({ projectors: [notesProjector({ revision: "2" })] });
  await next.register({ name: "handbook", url: upstream.url, projector: "notes" });
  await expect(next.verify(main)).rejects.toMatchObject({ code: "PROJECTOR_UNKNOWN" });
  expect(await next.audit()).toBeUndefined();
  expect(await materializer.audit()).toMatchObject({ current: true, differences: [] });
  await next.inProcessRunner().settle("handbook");
  expect(await materializer.audit()).toBeUndefined();
  expect(await next.audit()).toMatchObject({ current: true, differences: [] });
  await next.rollback(main);
  expect(await next.audit(), "pinned to what the other revision made").toBeUndefined();
  expect(await materializer.audit()).toMatchObject({ differences: [] });
  expect(await eventsOf(project)).not.toContain("branch-diverged");
});

test("a pinned version that differs is told and answered by one rebuild, however often it is audited", async () => {
  await using project = await openProject();
  await publishOne(project);
  const { materializer, upstream, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  const { id } = await materializer.rollback(main);
  await db.query(
    `update headstart_materializer.segment_rows set data = '{"text": "forged"}'
     where key = 'a/x.json' and segment_id = (select base_segment from headstart_materializer.versions where id = $1)`,
    [id],
  );
  for (let round = 0; round < 3; round += 1) {
    expect((await materializer.audit())?.differences.length, `round ${round}`).toBeGreaterThan(0);
    expect(await materializer.branch(main)).toMatchObject({ dirty: round === 0, servedVersion: id });
    await project.settle();
  }
  expect(await materializer.history(main)).toHaveLength(3);
  expect(await eventsOf(project)).toEqual([
    "branch-materialized",
    "branch-materialized",
    "branch-pinned",
    "branch-diverged",
    "branch-materialized",
  ]);
  expect(await lastAudit(project)).toEqual({ differences: 1, diverged: id });
  await materializer.unpin(main);
  expect(await lastAudit(project)).toMatchObject({ differences: null });
  expect(await materializer.audit()).toMatchObject({ current: true, differences: [] });
});

test("while the newest commit is bad, a served version that differs is answered by one rebuild as well", async () => {
  await using project = await openProject();
  await publishOne(project);
  const { materializer, upstream, db } = project;
  await upstream.commit("main", { "notes/a/x.json": "{" });
  await project.settle();
  await db.query(`update headstart_materializer.segment_rows set data = '{"text": "forged"}'`);
  for (const dirty of [true, false, false]) {
    expect((await materializer.audit())?.differences.length).toBeGreaterThan(0);
    expect(await materializer.branch(main)).toMatchObject({ dirty });
    await project.settle();
  }
});

test("verify asks git, so it knows of a push that nobody has observed", async () => {
  await using project = await openProject();
  await publishOne(project);
  const oid = await project.upstream.commit("main", { "notes/a/x.json": note("newer") });
  expect(await project.materializer.verify(main)).toMatchObject({
    gitOid: oid,
    current: false,
    differences: [],
  });
});

test("explain answers each state with what to do", async () => {
  await using project = await openProject();
  const { materializer, upstream } = project;
  await expect(materializer.explain(main)).rejects.toMatchObject({ code: "BRANCH_UNKNOWN" });
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  expect(await materializer.explain(main)).toMatchObject({ status: "pending", current: false });
  const [lease] = await materializer.claim();
  expect(await materializer.explain(main)).toMatchObject({ status: "building" });
  if (lease !== undefined) await materializer.release(lease);
  await project.settle();
  expect(await materializer.explain(main)).toMatchObject({ status: "ready", current: true });
  await materializer.pause("handbook");
  expect((await materializer.explain(main)).reasons.join("\n")).toMatch(/paused since .* resume/);
  await upstream.commit("main", { "notes/a/x.json": "{" });
  await materializer.resume("handbook");
  await project.settle();
  const explained = await materializer.explain(main);
  expect(explained).toMatchObject({ status: "error", current: false });
  expect(explained.reasons[0]).toMatch(/notes\/a\/x\.json:1: .* is served meanwhile/);
});

async function eventsOf({ materializer }: Project): Promise<string[]> {
  const events: string[] = [];
  await materializer.consume({ consumer: "test", handler: async ({ event }) => void events.push(event) });
  return events;
}

/** What is kept of the latest audit. */
async function lastAudit({ db }: Project): Promise<unknown> {
  const { rows } = await db.query<{ differences: number | null; diverged: string | null }>(
    `select audit_differences as differences, diverged_version::text as diverged
     from headstart_materializer.branches`,
  );
  return rows[0];
}

async function publishOne(project: Project): Promise<void> {
  await project.upstream.commit("main", { "notes/a/x.json": note("x"), "notes/b/y.json": note("y") });
  await project.settle();
}

test("a machine that never had the served commit gets it for the proof, though no branch has it any more", async () => {
  await using project = await openProject();
  await publishOne(project);
  const other = await project.another();
  const { upstream } = project;
  const served = await upstream.tip("main");
  const bad = await upstream.forcePush("main", { "notes/a/x.json": "{" });
  await project.settle();
  expect(await other.verify(main)).toMatchObject({ gitOid: bad, servedOid: served, differences: [] });
});

test("where git has lost the served commit, verify proves nothing and says so", async () => {
  await using project = await openProject();
  await publishOne(project);
  const { upstream } = project;
  const other = await project.another();
  await upstream.forcePush("main", { "notes/a/x.json": "{" });
  await project.settle();
  await upstream.git(["gc", "--quiet", "--prune=now"]);
  await expect(other.verify(main)).rejects.toMatchObject({ code: "GIT_REF_MISSING" });
  expect(await project.materializer.verify(main)).toMatchObject({ current: false, differences: [] });
});

test("a branch whose name cannot be read is shown, and keeps no other from being projected", async () => {
  await using project = await openProject();
  await publishOne(project);
  const { upstream, materializer } = project;
  const tip = (await upstream.tip("main")) ?? "";
  const line = [Buffer.from("create refs/heads/drafts/caf"), Buffer.from([0xe9]), Buffer.from(` ${tip}\n`)];
  await upstream.git(["update-ref", "--stdin"], Buffer.concat(line));
  await upstream.branch("drafts/good", tip);
  expect(await materializer.observe("handbook")).toMatchObject({
    appeared: 1,
    unreadable: ["refs/heads/drafts/caf\uFFFD"],
  });
  await project.settle();
  expect((await materializer.explain(main)).reasons.join("\n")).toMatch(/"drafts\/caf\uFFFD"\. Rename/);
  expect(await project.notes("drafts/good")).toMatchObject({ "a/x.json": "x" });
});
