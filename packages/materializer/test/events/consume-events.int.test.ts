import { once } from "node:events";
import pg from "pg";
import { expect, test } from "vitest";
import { EVENT_CHANNEL } from "../../src/events/append-event.ts";
import { HINT_CHANNEL } from "../../src/requests/hint.ts";
import type { VersionUpdated } from "../../src/requests/messages.ts";
import { note, openProject } from "../support/open-project.ts";

test("each branch has a log of its own without a gap, from which a consumer resumes", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const seen: VersionUpdated[] = [];
  const consume = async (limit = 100): Promise<number> =>
    await materializer.consume({
      consumer: "cache",
      limit,
      handler: async (message) => void seen.push(message),
    });
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await upstream.commit("drafts/d", { "notes/a/x.json": note("1") });
  await project.settle();
  const second = await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  await consume(1);
  await upstream.commit("main", { "notes/a/x.json": "{" });
  await upstream.deleteBranch("drafts/d");
  await project.settle();
  while ((await consume(2)) > 0);
  const of = (branch: string) =>
    seen
      .filter((message) => message.branch === `refs/heads/${branch}`)
      .map(({ event, position }) => [event, position]);
  expect(of("main")).toEqual([
    ["branch-materialized", 1],
    ["branch-materialized", 2],
    ["branch-failed", 3],
  ]);
  expect(of("drafts/d")).toEqual([
    ["branch-materialized", 1],
    ["branch-deleted", 2],
  ]);
  expect(seen.find((message) => message.oid === second)).toMatchObject({
    type: "version-updated",
    class: "live",
    changedPaths: ["notes/a/x.json"],
  });
  expect(await consume()).toBe(0);
});

test("a handler that fails keeps its branch's order: the event comes again, and nothing after it before", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  for (const text of ["1", "2", "3"]) {
    await upstream.commit("main", { "notes/a/x.json": note(text) });
    await project.settle();
  }
  const positions: number[] = [];
  let failing = true;
  const consume = async (): Promise<number> =>
    await materializer.consume({
      consumer: "index",
      handler: async ({ position }, transaction) => {
        await transaction.query("select 1");
        if (position === 2 && failing) throw new Error("not now");
        positions.push(position);
      },
    });
  await expect(consume()).rejects.toThrow("not now");
  failing = false;
  await consume();
  // The first was handled in a transaction that the second's failure rolled back.
  expect(positions).toEqual([1, 1, 2, 3]);
});

test("two processes of one consumer share the branches, and handle each event once", async () => {
  await using project = await openProject();
  const { upstream } = project;
  const other = await project.another();
  for (let n = 0; n < 20; n += 1) await upstream.commit(`drafts/${n}`, { "notes/a/x.json": note(`${n}`) });
  await project.settle();
  await project.db.query("create table handled (branch text, position int, primary key (branch, position))");
  const run = async (materializer: typeof other): Promise<number> =>
    await materializer.consume({
      consumer: "both",
      handler: async ({ branch, position }, transaction) => {
        await transaction.query("insert into handled values ($1, $2)", [branch, position]);
      },
    });
  const counts = await Promise.all([run(project.materializer), run(other)]);
  expect(counts[0] + counts[1]).toBe(20);
});

test("a consumer whose session is ended in the middle of an event has it again, and loses none", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  for (const text of ["1", "2", "3"]) {
    await upstream.commit("main", { "notes/a/x.json": note(text) });
    await project.settle();
  }
  await db.query("create table handled (position int primary key)");
  let ended = false;
  const consume = async (): Promise<number> =>
    await materializer.consume({
      consumer: "index",
      limit: 2,
      handler: async ({ position }, transaction) => {
        await transaction.query("insert into handled values ($1)", [position]);
        if (position !== 2 || ended) return;
        ended = true;
        await transaction.query("select pg_terminate_backend(pg_backend_pid())");
      },
    });
  await expect(consume()).rejects.toThrow(/terminat/);
  while ((await consume()) > 0);
  const { rows } = await db.query("select position from handled order by position");
  expect(rows).toEqual([{ position: 1 }, { position: 2 }, { position: 3 }]);
});

test("hints and events wake whoever listens, once they are there to be read", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const listener = new pg.Client({ connectionString: project.databaseUrl });
  await listener.connect();
  await listener.query(`listen ${HINT_CHANNEL}`);
  await listener.query(`listen ${EVENT_CHANNEL}`);
  const hinted = once(listener, "notification");
  await materializer.hint({ repository: "handbook" });
  expect(await hinted).toMatchObject([{ channel: HINT_CHANNEL }]);
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  const published = once(listener, "notification");
  await project.settle();
  expect(await published).toMatchObject([{ channel: EVENT_CHANNEL }]);
  await listener.end();
});

test("an event that is appended while its branch is read stays queued", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  const seen: number[] = [];
  const consume = async (during?: () => Promise<void>): Promise<number> =>
    await materializer.consume({
      consumer: "cache",
      handler: async ({ position }) => {
        seen.push(position);
        await during?.();
      },
    });
  let appended = false;
  await consume(async () => {
    if (appended) return;
    appended = true;
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await project.settle();
  });
  while ((await consume()) > 0);
  expect(seen).toEqual([1, 2]);
});

test("one branch whose events cannot be handled does not keep those of others from being read", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  for (const branch of ["main", "drafts/a", "drafts/b"]) {
    await upstream.commit(branch, { "notes/a/x.json": note(branch) });
    await project.settle();
  }
  const seen: string[] = [];
  const consume = async (): Promise<number> =>
    await materializer.consume({
      consumer: "index",
      handler: async ({ branch }) => {
        if (branch === "refs/heads/main") throw new Error("never");
        seen.push(branch);
      },
    });
  await expect(consume()).rejects.toThrow("never");
  await expect(consume()).rejects.toThrow("never");
  expect(seen.toSorted()).toEqual(["refs/heads/drafts/a", "refs/heads/drafts/b"]);
});

test("a consumer that begins while events are appended has every one of them", async () => {
  await using project = await openProject();
  const { upstream } = project;
  const other = await project.another();
  const branches = Array.from({ length: 30 }, (_, n) => `drafts/${n}`);
  for (const branch of branches) await upstream.commit(branch, { "notes/a/x.json": note(branch) });
  const seen = new Set<string>();
  let publishing = true;
  const read = (async () => {
    for (let read = 1; publishing || read > 0;) {
      read = await other.consume({
        consumer: "late",
        handler: async ({ branch }) => void seen.add(branch),
      });
    }
  })();
  await project.settle();
  publishing = false;
  await read;
  expect(seen.size).toBe(branches.length);
});
