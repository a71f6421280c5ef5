import { EventEmitter, once } from "node:events";
import pg from "pg";
import { expect, test } from "vitest";
import { defaultSettings, type Context } from "../../src/context.ts";
import { defaultDocumentLimits } from "../../src/documents/document-limits.ts";
import { keepObserving, startObservation } from "../../src/observe/observation-lease.ts";
import { openMirrors } from "../../src/repositories/mirrors.ts";
import { holdStatement } from "../support/held-statement.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

test("a renewal that reaches the server after the release does not make the repository busy again", async () => {
  await using project = await openProject();
  const renewals = new EventEmitter();
  const hold = async (sql: string): Promise<void> => {
    if (!/set observe_until = clock_timestamp/.test(sql)) return;
    renewals.emit("begun");
    await once(renewals, "go on");
  };
  const { context, end } = contextOf(project, { before: hold, leaseMs: 60 });
  const observing = await start(context);
  if (observing === undefined) throw new Error("the repository was not free");
  const begun = once(renewals, "begun");
  const lease = keepObserving(context, observing, undefined);
  await begun;
  await lease[Symbol.asyncDispose]();
  const lost = once(lease.signal, "abort");
  renewals.emit("go on");
  await lost;
  expect(await start(context)).toBeDefined();
  await end();
});

test("while one observes nobody else does, and an observer that is late has lost its place", async () => {
  await using project = await openProject();
  const { context, end } = contextOf(project);
  expect(await start(context)).toBeDefined();
  expect(await start(context)).toBeUndefined();
  await project.db.query(
    "update headstart_materializer.repositories set observe_until = now() - interval '1 s'",
  );
  expect(await start(context)).toBeDefined();
  await end();
});

test("what is registered just before an observation begins is what it looks for", async () => {
  await using project = await openProject();
  const { upstream, materializer, url } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("x") });
  await upstream.branch("preview/x", tip);
  await using held = holdStatement(project.databaseUrl, /set observe_token = nextval/);
  const observer = await project.another({ db: held.db });
  const observing = observer.observe("handbook");
  await held.reached();
  await materializer.register({ name: "handbook", url, projector: "notes", drafts: ["preview/**"] });
  held.letGo();
  expect(await observing).toMatchObject({ outcome: "changed", appeared: 2 });
  expect(await materializer.branch({ repository: "handbook", branch: "preview/x" })).toMatchObject({
    class: "draft",
  });
});

async function start(context: Context) {
  return await startObservation(context, "handbook");
}

/** A context over a pool of its own; `before` is asked before each statement is sent. */
function contextOf(
  { databaseUrl, root }: Project,
  {
    before = async () => undefined,
    leaseMs = defaultSettings.leaseMs,
  }: { before?: (sql: string) => Promise<void>; leaseMs?: number } = {},
): { context: Context; end: () => Promise<void> } {
  const db = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  const query = db.query.bind(db) as (...args: unknown[]) => Promise<unknown>;
  db.query = (async (...args: unknown[]) => {
    await before(String(args[0]));
    return await query(...args);
  }) as typeof db.query;
  const context: Context = {
    db,
    worker: "test",
    projectors: new Map(),
    mirrors: openMirrors({ root, protocols: ["file"] }),
    documentLimits: defaultDocumentLimits,
    settings: { ...defaultSettings, leaseMs },
  };
  return { context, end: async () => await db.end() };
}
