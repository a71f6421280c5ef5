import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { unusedMs } from "../../src/git/mirror-use.ts";
import { holdStatement, lockAwaited } from "../support/held-statement.ts";
import { note, openProject, type Project } from "../support/open-project.ts";
import { buildGood, claimOne } from "../support/take-over.ts";

const main = { repository: "handbook", branch: "main" };
const draft = { repository: "handbook", branch: "drafts/1" };

const nothing = { versions: 0, segments: 0, blobs: 0, events: 0, branches: 0, mirrors: 0 };

async function counts({ db }: Project) {
  const { rows } = await db.query<Record<"versions" | "segments" | "rows" | "branches" | "events", number>>(
    `select (select count(*)::int from headstart_materializer.versions) as versions,
            (select count(*)::int from headstart_materializer.segments) as segments,
            (select count(*)::int from headstart_materializer.segment_rows) as rows,
            (select count(*)::int from headstart_materializer.branches) as branches,
            (select count(*)::int from headstart_materializer.events) as events`,
  );
  return rows[0]!;
}

test("what deleted drafts stored is freed; their rows and events stay, and nothing that is served is touched", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("main") });
  await upstream.commit("drafts/kept", { "notes/a/x.json": note("kept") });
  await project.settle();
  await materializer.retain();
  const before = await counts(project);
  const names = Array.from({ length: 6 }, (_, n) => `drafts/${n}`);
  for (const name of names) await upstream.commit(name, { "notes/a/x.json": note(name) });
  await project.settle();
  for (const name of names) await upstream.deleteBranch(name);
  await project.settle();
  await materializer.confirmDeletions("handbook");
  await project.settle();
  expect(await materializer.retain()).toMatchObject({ versions: 6, segments: 6 });
  const after = await counts(project);
  expect(after).toEqual({ ...before, branches: before.branches + 6, events: before.events + 12 });
  expect(await materializer.retain()).toEqual(nothing);
  for (const name of ["main", "drafts/kept"])
    expect(await materializer.verify({ ...main, branch: name })).toMatchObject({
      current: true,
      differences: [],
    });
});

test("a draft made again after its past was freed is a new life of it, and a builder of the past is fenced out", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("main") });
  await upstream.commit("drafts/1", { "notes/a/x.json": note("past") });
  await project.settle();
  await upstream.commit("drafts/1", { "notes/a/x.json": note("unfinished") });
  await materializer.observe("handbook");
  const dead = await claimOne(materializer);
  const built = await buildGood(materializer, dead);
  await upstream.deleteBranch("drafts/1");
  await project.settle();
  await materializer.retain();
  const again = await upstream.forcePush("drafts/1", { "notes/a/x.json": note("again") });
  await project.settle();
  await expect(materializer.publish(dead, built)).rejects.toMatchObject({ code: "LEASE_LOST" });
  await materializer.retain();
  expect(await materializer.branch(draft)).toMatchObject({ incarnation: 2, servedOid: again });
  expect(await materializer.history(draft)).toHaveLength(1);
  expect(await materializer.verify(draft)).toMatchObject({ current: true, differences: [] });
  const positions: number[] = [];
  await materializer.consume({
    consumer: "test",
    handler: async ({ branch, position }) => {
      if (branch === "refs/heads/drafts/1") positions.push(position);
    },
  });
  expect(positions).toEqual([1, 2, 3]);
});

const day = 86_400_000;

/** Makes all that has happened so far happen so many days earlier. */
async function daysPass({ db }: Project, days: number): Promise<void> {
  await db.query(
    "update headstart_materializer.events set recorded_at = recorded_at - $1 * interval '1 day'",
    [days],
  );
  await db.query(
    "update headstart_materializer.branches set deleted_at = deleted_at - $1 * interval '1 day'",
    [days],
  );
}

async function positions({ db }: Project, branch: string): Promise<number[]> {
  const { rows } = await db.query<{ position: number }>(
    `select e.position::int as position from headstart_materializer.events e
     join headstart_materializer.branches b on b.id = e.branch_id where b.ref = $1 order by e.position`,
    [`refs/heads/${branch}`],
  );
  return rows.map(({ position }) => position);
}

async function publish(project: Project, branch: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await project.upstream.commit(branch, { "notes/a/x.json": text });
    await project.settle();
  }
}

test("old events go once every consumer has read them; the last that names a version, and what follows, stays", async () => {
  await using project = await openProject({ settings: { keepEventsMs: 10 * day } });
  const { materializer } = project;
  const seen: number[] = [];
  const read = async (limit: number): Promise<number> =>
    await materializer.consume({
      consumer: "reader",
      limit,
      handler: async ({ position }) => void seen.push(position),
    });
  await publish(project, "main", [note("1"), note("2"), note("3"), "{", "{{"]);
  expect(await positions(project, "main")).toEqual([1, 2, 3, 4, 5]);
  expect(await read(1)).toBe(1);
  await daysPass(project, 9);
  expect(await materializer.retain()).toMatchObject({ events: 0 });
  await daysPass(project, 2);
  expect(await materializer.retain(), "the reader has had one").toMatchObject({ events: 1 });
  expect(await read(100)).toBe(4);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  expect(await materializer.retain()).toMatchObject({ events: 1 });
  expect(await positions(project, "main")).toEqual([3, 4, 5]);
  await publish(project, "main", [note("6"), note("7")]);
  expect(await read(100)).toBe(2);
  expect(await materializer.retain(), "what is young stays").toMatchObject({ events: 3 });
  expect(await positions(project, "main")).toEqual([6, 7]);
  await daysPass(project, 11);
  expect(await materializer.retain()).toMatchObject({ events: 1 });
  expect(await materializer.retain()).toEqual(nothing);
  const late: unknown[] = [];
  await materializer.consume({
    consumer: "late",
    handler: async ({ position, oid }) => void late.push([position, oid]),
  });
  expect(late).toEqual([[7, await project.upstream.tip("main")]]);
});

test("a consumer that is new while events are removed reads what is left, without a gap", async () => {
  await using project = await openProject({ settings: { keepEventsMs: day } });
  const { materializer, db } = project;
  await publish(
    project,
    "main",
    ["1", "2", "3", "4"].map((text) => note(text)),
  );
  await daysPass(project, 2);
  const holder = await db.connect();
  const seen: number[] = [];
  const read = async (): Promise<number> =>
    await materializer.consume({
      consumer: "late",
      limit: 2,
      handler: async ({ position }) => void seen.push(position),
    });
  try {
    await holder.query("begin");
    await holder.query("select from headstart_materializer.events where position = 1 for update");
    const retaining = materializer.retain();
    await lockAwaited(db);
    const reading = read();
    await Promise.race([reading, lockAwaited(db, 2)]);
    await holder.query("rollback");
    expect(await retaining).toMatchObject({ events: 3 });
    await reading;
  } finally {
    holder.release();
  }
  while ((await read()) > 0);
  expect(seen).toEqual([4]);
});

test("a deleted branch is forgotten once it is old and read, and one of its name is a new one", async () => {
  await using project = await openProject({ settings: { keepEventsMs: 10 * day } });
  const { upstream, materializer } = project;
  const seen: string[] = [];
  const read = async (): Promise<number> =>
    await materializer.consume({
      consumer: "reader",
      handler: async ({ branch, event, position }) => {
        if (branch === "refs/heads/drafts/1") seen.push(`${position} ${event}`);
      },
    });
  await publish(project, "main", [note("main")]);
  await publish(project, "drafts/1", [note("1")]);
  expect(await read()).toBe(2);
  await upstream.deleteBranch("drafts/1");
  await project.settle();
  await daysPass(project, 11);
  await publish(project, "main", [note("newer")]);
  expect(await materializer.retain(), "the reader has not had its end").toMatchObject({ branches: 0 });
  expect(await materializer.branch(draft)).toMatchObject({ incarnation: 1 });
  expect(await read()).toBe(2);
  expect(await materializer.retain()).toMatchObject({ branches: 1 });
  await expect(materializer.branch(draft)).rejects.toMatchObject({ code: "BRANCH_UNKNOWN" });
  await publish(project, "drafts/1", [note("again")]);
  expect(await materializer.branch(draft)).toMatchObject({ incarnation: 1, deletedAt: null });
  await read();
  expect(seen).toEqual(["1 branch-materialized", "2 branch-deleted", "1 branch-materialized"]);
});

test("the last event of all stays, by which readers of the whole log see how far it goes", async () => {
  await using project = await openProject({ settings: { keepEventsMs: day } });
  const { upstream, materializer, db } = project;
  await publish(project, "main", [note("main")]);
  await publish(project, "drafts/1", [note("1")]);
  await upstream.deleteBranch("drafts/1");
  await project.settle();
  const last = async (): Promise<unknown> =>
    (await db.query("select max(number) as last from headstart_materializer.events")).rows[0];
  const before = await last();
  await daysPass(project, 2);
  expect(await materializer.retain()).toMatchObject({ branches: 0 });
  expect(await last()).toEqual(before);
});

test("a branch that is made again while it is being forgotten is not", async () => {
  await using project = await openProject({ settings: { keepEventsMs: day } });
  const { upstream, materializer } = project;
  await publish(project, "drafts/1", [note("1")]);
  await upstream.deleteBranch("drafts/1");
  await project.settle();
  await materializer.confirmDeletions("handbook");
  await project.settle();
  await publish(project, "main", [note("main")]);
  await daysPass(project, 2);
  await using held = holdStatement(project.databaseUrl, /^\s*delete from headstart_materializer.branches/);
  const other = await project.another({ db: held.db });
  const retaining = other.retain();
  await held.reached();
  await publish(project, "drafts/1", [note("again")]);
  held.letGo();
  expect(await retaining).toMatchObject({ branches: 0 });
  expect(await materializer.branch(draft)).toMatchObject({ incarnation: 2, deletedAt: null });
  expect(await project.notes("drafts/1")).toEqual({ "a/x.json": "again" });
});

test("nobody waits for old events to be removed who publishes, fails or rolls back", async () => {
  await using project = await openProject({ settings: { keepEventsMs: day } });
  const { upstream, materializer, db } = project;
  await publish(project, "main", [note("1"), note("2"), note("3")]);
  await daysPass(project, 2);
  const holder = await db.connect();
  await holder.query("begin");
  await holder.query("select from headstart_materializer.events for update");
  const retaining = (await project.another()).retain();
  try {
    await lockAwaited(db);
    await publish(project, "main", [note("4")]);
    await materializer.rollback(main);
    await upstream.commit("main", { "notes/a/x.json": "{" });
    await project.settle();
    expect(await materializer.branch(main)).toMatchObject({ errorCode: "CONTENT_INVALID", dirty: false });
  } finally {
    await holder.query("rollback");
    holder.release();
  }
  expect((await retaining).events).toBeGreaterThan(0);
});

test("however many branches there are, a call looks at some of them, and the calls after it at the rest", async () => {
  await using project = await openProject({ settings: { keepEventsMs: day } });
  const { materializer, db } = project;
  await publish(project, "main", [note("main")]);
  const total = 45_000;
  await db.query(
    `insert into headstart_materializer.branches
       (repository_id, ref, class, desired_seq, dirty, event_position, deleted_at)
     select r.id, 'refs/heads/drafts/' || n, 'draft', 0, false, 0, now() - interval '2 days'
     from headstart_materializer.repositories r, generate_series(1, $1::int) n`,
    [total],
  );
  await db.query(
    `insert into headstart_materializer.segments (repository_id, branch_id, token, sealed)
     select r.id, 0, 0, true from headstart_materializer.repositories r, generate_series(1, $1::int)`,
    [total],
  );
  const calls: { branches: number; segments: number }[] = [];
  for (let left = total; left > 0; left -= calls.at(-1)?.branches ?? 0) {
    const { branches, segments } = await materializer.retain();
    calls.push({ branches, segments });
    expect(Math.max(branches, segments)).toBeLessThanOrEqual(20_000);
    expect(Math.min(branches, segments)).toBeGreaterThan(0);
  }
  expect(calls.length).toBeGreaterThanOrEqual(3);
  expect(await counts(project)).toMatchObject({ branches: 1, versions: 1, segments: 1 });
});

test("blobs that no repository's projector wants are removed, and the others are not read for it", async () => {
  await using project = await openProject();
  const { materializer, db } = project;
  await publish(project, "main", [note("main")]);
  const kept = (await db.query("select from headstart_materializer.blob_documents")).rowCount;
  await db.query(
    `insert into headstart_materializer.blob_documents (scope, parser, kind, oid, document, problems)
     select scope, parser, 'note', substring(sha256(n::text::bytea) for 20), '1', '[]'
     from (values ('handbook', 'superseded'), ('gone', 'p'), ('', 'p')) as g (scope, parser), generate_series(1, 6000) n`,
  );
  expect(await materializer.retain()).toMatchObject({ blobs: 18_000 });
  expect((await db.query("select from headstart_materializer.blob_documents")).rowCount).toBe(kept);
});

test("the mirror of a paused repository stays, for it may be the last to have what is served", async () => {
  await using project = await openProject();
  const { upstream, materializer, root } = project;
  await publish(project, "main", [note("1")]);
  await upstream.forcePush("main", { "notes/a/x.json": note("2") });
  await project.settle();
  await materializer.rollback(main);
  await upstream.git(["reflog", "expire", "--expire=now", "--all"]);
  await upstream.git(["gc", "--prune=now", "--quiet"]);
  await materializer.pause("handbook");
  const then = new Date(Date.now() - unusedMs - 60_000);
  for (const name of await readdir(root))
    for (const part of ["used", "lock", ""]) await utimes(join(root, name, part), then, then);
  expect(await materializer.retain()).toMatchObject({ mirrors: 0 });
  expect(await materializer.verify(main)).toMatchObject({ differences: [] });
});

test("the longest that events may be kept is a time that Postgres can count back", async () => {
  await using project = await openProject({ settings: { keepEventsMs: 1e14 } });
  await publish(project, "main", [note("1"), note("2")]);
  expect(await project.materializer.retain()).toMatchObject({ events: 0 });
  await expect(project.another({ settings: { keepEventsMs: 1e14 + 1 } })).rejects.toMatchObject({
    code: "OPTION_INVALID",
  });
});

test("an abort ends the cleaning", async () => {
  await using project = await openProject();
  await publish(project, "main", [note("main")]);
  const reason = new Error("enough");
  await expect(project.materializer.retain({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
