import pg from "pg";
import { expect, test } from "vitest";
import { EVENT_CHANNEL } from "../../src/events/append-event.ts";
import { note, openProject } from "../support/open-project.ts";
import { claimOne, expireLeases } from "../support/take-over.ts";

const main = { repository: "handbook", branch: "main" };

test("every kind of event wakes whoever waits for events", async () => {
  await using project = await openProject({ settings: { maxAttempts: 1 } });
  const { upstream, materializer, db } = project;
  const listener = new pg.Client({ connectionString: project.databaseUrl });
  await listener.connect();
  await listener.query(`listen ${EVENT_CHANNEL}`);
  const heard: string[] = [];
  listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
  let marks = 0;
  const wakes = async (action: () => Promise<unknown>): Promise<boolean> => {
    heard.length = 0;
    await action();
    // Notifications arrive in the order of their commits.
    const mark = `mark ${(marks += 1)}`;
    await db.query("select pg_notify($1, $2)", [EVENT_CHANNEL, mark]);
    await expect.poll(() => heard.at(-1), { interval: 5, timeout: 30_000 }).toBe(mark);
    return heard.length > 1;
  };
  const push = async (branch: string, text: string): Promise<void> => {
    await upstream.commit(branch, { "notes/a/x.json": text });
    await materializer.observe("handbook");
  };

  await push("main", note("1"));
  expect(await wakes(async () => await materializer.materialize(await claimOne(materializer)))).toBe(true);
  await push("main", note("2"));
  await project.settle();
  expect(await wakes(async () => await materializer.rollback(main)), "pinned").toBe(true);
  expect(await wakes(async () => await materializer.unpin(main)), "unpinned").toBe(true);
  expect(await wakes(async () => await materializer.unpin(main)), "no event").toBe(false);
  await db.query(`update headstart_materializer.segment_rows set data = '{"text": "damaged"}'`);
  expect(await wakes(async () => await materializer.audit()), "diverged").toBe(true);
  await project.settle();
  await push("main", "{");
  const bad = await claimOne(materializer);
  expect(await wakes(async () => await materializer.materialize(bad)), "failed").toBe(true);
  await push("drafts/crash", note("3"));
  await claimOne(materializer);
  await expireLeases(db);
  expect(await wakes(async () => await materializer.claim()), "parked by its crashes").toBe(true);
  await push("drafts/park", note("4"));
  const lost = await claimOne(materializer);
  const failure = { kind: "transient", code: "X", message: "lost" } as const;
  expect(await wakes(async () => await materializer.fail(lost, failure)), "parked by a failure").toBe(true);
  expect(await wakes(async () => await materializer.observe("handbook")), "nothing new").toBe(false);
  await upstream.deleteBranch("drafts/park");
  expect(await wakes(async () => await materializer.observe("handbook")), "deleted").toBe(true);
  await listener.end();

  const kinds = new Set<string>();
  await materializer.consume({ consumer: "site", handler: async ({ event }) => void kinds.add(event) });
  expect([...kinds].toSorted(), "all there are").toEqual([
    "branch-deleted",
    "branch-diverged",
    "branch-failed",
    "branch-materialized",
    "branch-parked",
    "branch-pinned",
    "branch-unpinned",
  ]);
});
