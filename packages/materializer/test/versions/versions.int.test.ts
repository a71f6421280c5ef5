import { expect, test } from "vitest";
import { newDraftBranchName } from "../../src/versions/new-draft-branch-name.ts";
import { holdStatement, lockAwaited } from "../support/held-statement.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

test("a rollback serves an older version and pins it; new commits wait for unpin", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const first = await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  expect(await materializer.rollback(main, { reason: "2 is wrong" })).toMatchObject({ oid: first });
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
  await upstream.commit("main", { "notes/a/x.json": note("3") });
  await project.settle();
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
  expect((await materializer.explain(main)).reasons.join("\n")).toMatch(/pinned there.*unpin/);
  await materializer.unpin(main);
  expect(await project.notes("main")).toEqual({ "a/x.json": "3" });
  expect(await materializer.explain(main)).toMatchObject({ current: true });
});

test("a rollback to a version that is not kept says so", async () => {
  await using project = await openProject();
  await project.upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  await expect(project.materializer.rollback(main)).rejects.toMatchObject({ code: "VERSION_UNKNOWN" });
  await expect(project.materializer.rollback({ ...main, branch: "drafts/none" })).rejects.toMatchObject({
    code: "BRANCH_UNKNOWN",
  });
});

test("a rollback goes back behind a new revision of the projector, and again further back", async () => {
  await using project = await openProject();
  const { upstream } = project;
  const first = await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  const second = await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  const next = await project.another({ projectors: [notesProjector({ revision: "2" })] });
  await next.register({ name: "handbook", url: upstream.url, projector: "notes" });
  await next.inProcessRunner().settle("handbook");
  const [latest, before] = await next.history(main);
  expect([latest?.oid, before?.oid]).toEqual([second, second]);
  expect(await next.rollback(main)).toMatchObject({ id: before?.id, oid: second });
  expect(await next.branch(main)).toMatchObject({ servedVersion: before?.id, latestVersion: latest?.id });
  expect((await next.readRows(before?.id ?? ""))[0]?.data).toMatchObject({ text: "2", revision: "1" });
  expect(await next.rollback(main)).toMatchObject({ oid: first });
  await expect(next.rollback(main)).rejects.toMatchObject({ code: "VERSION_UNKNOWN" });
  await next.unpin(main);
  expect(await next.branch(main)).toMatchObject({ servedVersion: latest?.id });
});

test("a rollback passes over a damaged version that was built again, and over one with the same rows", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  const first = await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  await db.query("update headstart_materializer.segment_rows set data = '{}' where data ->> 'text' = '2'");
  await materializer.rebuild(main);
  await project.settle();
  expect(await materializer.rollback(main)).toMatchObject({ oid: first });
  await materializer.unpin(main);
  const same = notesProjector();
  const next = await project.another({ projectors: [{ ...same, identity: `${same.identity}0` }] });
  await next.register({ name: "handbook", url: upstream.url, projector: "notes" });
  await next.inProcessRunner().settle("handbook");
  expect(await next.history(main)).toHaveLength(4);
  expect(await next.rollback(main)).toMatchObject({ oid: first });
});

test("a rollback beside a publication keeps the version that it goes back to", async () => {
  await using project = await openProject({ settings: { history: 2 } });
  const { upstream, materializer } = project;
  for (const text of ["1", "2"]) {
    await upstream.commit("main", { "notes/a/x.json": note(text) });
    await project.settle();
  }
  await using held = holdStatement(project.databaseUrl, /set served_version = \$2/);
  const slow = await project.another({ db: held.db });
  const rolling = slow.rollback(main);
  await held.reached();
  await upstream.commit("main", { "notes/a/x.json": note("3") });
  const publishing = project.settle();
  await lockAwaited(project.db);
  held.letGo();
  const { id } = await rolling;
  await publishing;
  expect(await materializer.branch(main)).toMatchObject({ servedVersion: id });
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
});

test("a branch made again under a name is not rolled back into its past life", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const draft = { ...main, branch: "drafts/d" };
  const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
  await upstream.commit("drafts/d", { "notes/a/x.json": note("past") });
  await project.settle();
  await upstream.deleteBranch("drafts/d");
  await project.settle();
  await upstream.branch("drafts/d", tip);
  await project.settle();
  await expect(materializer.rollback(draft)).rejects.toMatchObject({ code: "VERSION_UNKNOWN" });
  expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "1" });
});

test("rows and issues of a version that is unknown or forgotten are not told to be none", async () => {
  await using project = await openProject({ settings: { history: 1 } });
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  const forgotten = (await materializer.branch(main)).servedVersion ?? "";
  expect(await materializer.readRows(forgotten)).toHaveLength(1);
  expect(await materializer.readRows(forgotten, { collection: "none" })).toEqual([]);
  expect(await materializer.readIssues(forgotten)).toEqual([]);
  await upstream.commit("main", { "notes/a/x.json": null, "readme.md": "no notes" });
  await project.settle();
  const { servedVersion } = await materializer.branch(main);
  expect(await materializer.readRows(servedVersion ?? ""), "a version without rows").toEqual([]);
  for (const version of [forgotten, "999999", "", "main", "9".repeat(30)]) {
    const unknown = { code: "VERSION_UNKNOWN" };
    await expect(materializer.readRows(version)).rejects.toMatchObject(unknown);
    await expect(materializer.readIssues(version)).rejects.toMatchObject(unknown);
  }
});

test("the events of a branch tell which version readers see, also while it is pinned", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const oids: string[] = [];
  const served: (string | null)[] = [];
  const step = async (change: () => Promise<unknown>) => {
    await change();
    await project.settle();
    served.push((await materializer.branch(main)).servedVersion);
  };
  const commit = async () => {
    oids.push(await upstream.commit("main", { "notes/a/x.json": note(`${oids.length}`) }));
  };
  await step(commit);
  await step(commit);
  await step(async () => await materializer.rollback(main));
  await step(commit);
  await step(async () => await materializer.unpin(main));
  await step(commit);
  const told: (string | undefined)[] = [];
  const events: unknown[] = [];
  await materializer.consume({
    consumer: "test",
    handler: async ({ event, version, oid, previousOid, changedPaths }) => {
      told.push(version ?? told.at(-1));
      events.push([event, oids.indexOf(oid ?? ""), oids.indexOf(previousOid ?? ""), changedPaths?.length]);
    },
  });
  expect(told).toEqual(served);
  expect(events).toEqual([
    ["branch-materialized", 0, -1, undefined],
    ["branch-materialized", 1, 0, 1],
    ["branch-pinned", 0, 1, undefined],
    ["branch-materialized", 2, -1, undefined],
    ["branch-unpinned", 2, 0, undefined],
    ["branch-materialized", 3, 2, 1],
  ]);
});

test("history keeps the newest versions, and whatever is pinned; their rows stay readable", async () => {
  await using project = await openProject({ settings: { history: 3 } });
  const { upstream, materializer } = project;
  const oids: string[] = [];
  for (let n = 1; n <= 6; n += 1) {
    oids.push(
      await upstream.commit("main", { "notes/a/x.json": note(`${n}`), "notes/b/y.json": note("same") }),
    );
    await project.settle();
  }
  const kept = await materializer.history(main);
  expect(kept.map((version) => version.oid)).toEqual(oids.slice(3).toReversed());
  const old = await materializer.asOf(main, { oid: oids[3] ?? "" });
  expect((await materializer.readRows(old.id)).map((row) => row.data)).toMatchObject([
    { text: "4" },
    { text: "same" },
  ]);
  const middle = kept[1];
  expect(await materializer.asOf(main, { time: middle?.publishedAt ?? new Date(0) })).toMatchObject({
    oid: oids[4],
  });
  await materializer.rollback(main, { to: oids[3] ?? "" });
  for (let n = 7; n <= 10; n += 1) {
    await upstream.commit("main", { "notes/a/x.json": note(`${n}`) });
    await project.settle();
  }
  expect((await materializer.history(main)).map((version) => version.oid)).toContain(oids[3]);
  await materializer.retain();
  expect(await project.notes("main")).toEqual({ "a/x.json": "4", "b/y.json": "same" });
});

test("behind says how far a draft has parted from main, and what a merge would have to settle", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const base = await upstream.commit("main", { "notes/a/x.json": note("0"), "notes/a/y.json": note("0") });
  await upstream.branch("drafts/d", base);
  await upstream.commits("main", [{ "notes/a/x.json": note("1") }, { "notes/a/z.json": note("1") }]);
  await upstream.commit("drafts/d", { "notes/a/x.json": note("2"), "notes/a/y.json": note("2") });
  await project.settle();
  expect(await materializer.behind({ repository: "handbook", branch: "drafts/d", base: "main" })).toEqual({
    ahead: 1,
    behind: 2,
    mergeBase: base,
    conflictingPaths: ["notes/a/x.json"],
  });
});

test("behind names a file that stands where the other side made a folder, and no change that both made alike", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const base = await upstream.commit("main", { "notes/a/x.json": note("0"), "notes/a/gone.json": note("0") });
  await upstream.branch("drafts/d", base);
  const alike = { "notes/a/gone.json": null, "notes/a/same.json": note("same") };
  await upstream.commit("main", { ...alike, "notes/a/x.json": null, "notes/a/x.json/deep.json": note("1") });
  await upstream.commit("drafts/d", { ...alike, "notes/a/x.json": note("2") });
  await project.settle();
  expect(
    await materializer.behind({ repository: "handbook", branch: "drafts/d", base: "main" }),
  ).toMatchObject({
    conflictingPaths: ["notes/a/x.json"],
  });
  await upstream.commit("main", { "notes/a/new/y.json": note("1") });
  await upstream.commit("drafts/d", { "notes/a/new": "a file" });
  await project.settle();
  expect(
    await materializer.behind({ repository: "handbook", branch: "drafts/d", base: "main" }),
  ).toMatchObject({
    conflictingPaths: ["notes/a/new", "notes/a/x.json"],
  });
});

test("diff tells the rows that a commit would change, and writes nothing", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", {
    "notes/a/x.json": note("0"),
    "notes/a/gone.json": note("0"),
    "notes/b/same.json": note("0"),
  });
  await upstream.commit("drafts/d", { "readme.md": "a draft" });
  await project.settle();
  const oid = await upstream.forcePush("drafts/d", {
    "notes/a/x.json": note("1"),
    "notes/a/new.json": note("1"),
    "notes/b/same.json": note("0"),
    "notes/c/bad.json": "{",
  });
  const before = await everything(project);
  const changes = await materializer.diff({ ...main, oid });
  expect(changes.added.map((row) => row.key)).toEqual(["a/new.json"]);
  expect(changes.removed.map((row) => row.key)).toEqual(["a/gone.json"]);
  expect(changes.changed.map(({ before, after }) => [before.data, after.data])).toMatchObject([
    [{ text: "0" }, { text: "1" }],
  ]);
  expect(changes.issues).toMatchObject([{ path: "notes/c/bad.json" }]);
  expect(await everything(project)).toEqual(before);
});

/** Every row of every table, with the transaction that wrote it. */
async function everything({ db }: Project): Promise<unknown> {
  const { rows } = await db.query(
    `select table_name as name, query_to_xml(
       format('select xmin, t.* from headstart_materializer.%I t order by t.*::text', table_name), true, false, '')::text as rows
     from information_schema.tables
     where table_schema = 'headstart_materializer' and table_type = 'BASE TABLE' order by 1`,
  );
  expect(rows.length).toBeGreaterThan(10);
  return rows;
}

test("a draft belongs to whoever a hint named, else to the author of its first tip", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("drafts/told", { "notes/a/x.json": note("1") });
  await upstream.commit(
    "drafts/guessed",
    { "notes/a/x.json": note("2") },
    { author: "Grace <grace@example.org>" },
  );
  await materializer.hint({ repository: "handbook", branch: "drafts/told", pushedBy: "user-42" });
  await project.settle();
  expect(await materializer.branch({ ...main, branch: "drafts/told" })).toMatchObject({ owner: "user-42" });
  expect(await materializer.branch({ ...main, branch: "drafts/guessed" })).toMatchObject({
    owner: "Grace <grace@example.org>",
  });
});

test("a diff whose version is forgotten before its rows are read compares with the one that is served by then", async () => {
  await using project = await openProject({ settings: { history: 1 } });
  const { upstream } = project;
  const first = await upstream.commit("main", {
    "notes/a/x.json": note("1"),
    "notes/b/y.json": note("same"),
  });
  await project.settle();
  await using held = holdStatement(project.databaseUrl, /version_rows\s+where version_id/);
  const slow = await project.another({ db: held.db });
  const comparing = slow.diff({ ...main, oid: first });
  await held.reached();
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  held.letGo();
  expect(await comparing).toMatchObject({
    added: [],
    removed: [],
    changed: [{ before: { key: "a/x.json", data: { text: "2" } }, after: { data: { text: "1" } } }],
  });
});

test("new draft names are drafts, unlike each other, and good names for git", async () => {
  await using project = await openProject();
  const names = new Set(Array.from({ length: 100 }, () => newDraftBranchName()));
  expect(names.size).toBe(100);
  for (const name of [...names].slice(0, 5)) {
    expect(name).toMatch(/^drafts\/[0-9a-z]{21}$/);
    await project.upstream.git(["check-ref-format", "--branch", name]);
  }
  expect(newDraftBranchName({ id: "uuid" })).toMatch(/^drafts\/[0-9a-f-]{36}$/);
});

test("a new revision rebuilds every branch while the old version is served, and an old release cannot turn it back", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await upstream.commit("drafts/d", { "notes/a/x.json": note("d") });
  await project.settle();
  const next = await project.another({ projectors: [notesProjector({ revision: "2" })] });
  const registration = { name: "handbook", url: upstream.url, projector: "notes" };
  expect(await next.register(registration)).toMatchObject({ outcome: "rebuilding" });
  expect(await project.notes("main")).toEqual({ "a/x.json": "x" });
  await expect(materializer.register(registration)).rejects.toMatchObject({ code: "PROJECTOR_SUPERSEDED" });
  expect(await materializer.claim({ limit: 5 }), "an old release takes no work of the new revision").toEqual(
    [],
  );
  await next.inProcessRunner().settle("handbook");
  const { servedVersion } = await next.branch(main);
  expect((await next.readRows(servedVersion ?? "")).map((row) => row.data)).toMatchObject([
    { text: "x", revision: "2" },
  ]);
  expect(await next.register(registration)).toMatchObject({ outcome: "unchanged" });
  expect(await materializer.register({ ...registration, readopt: true })).toMatchObject({
    outcome: "rebuilding",
  });
});

test("an issue's line can be shown: fileAt reads the file as the branch, or any commit, has it", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const good = await upstream.commit("main", { "notes/a/x.json": note("1") });
  const bad = await upstream.commit("main", { "notes/a/x.json": '{\n  "text": nonsense\n}' });
  await project.settle();
  const [issue] = await materializer.blockingIssues(main);
  const { commit, bytes } = await materializer.fileAt({ ...main, path: issue?.path ?? "" });
  expect(commit).toBe(bad);
  expect(bytes.toString().split("\n")[1]).toBe('  "text": nonsense');
  const before = await materializer.fileAt({ repository: "handbook", oid: good, path: "notes/a/x.json" });
  expect(before.bytes.toString()).toBe(note("1"));
  await expect(materializer.fileAt({ ...main, path: "notes/a/y.json" })).rejects.toMatchObject({
    code: "GIT_PATH_MISSING",
  });
});
