import { readdir } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { holdFetchLock } from "../../src/git/fetch-lock.ts";
import { note, openProject } from "../support/open-project.ts";

test("a build that takes long keeps nothing else from being built while there is room", async () => {
  await using project = await openProject({ settings: { pollMinMs: 50, pollMaxMs: 100 } });
  const { upstream, db, materializer } = project;
  // Publishing main waits until the test lets it.
  const blocker = new pg.Client({ connectionString: project.databaseUrl });
  await blocker.connect();
  await blocker.query("select pg_advisory_lock(4711)");
  await db.query(`create function headstart_materializer.wait_for_test() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock_shared(4711); return new; end $$`);
  await db.query(`create trigger wait_for_test before insert on headstart_materializer.versions
    for each row when (new.author like 'Slow%') execute function headstart_materializer.wait_for_test()`);
  const ending = new AbortController();
  const claimed: string[] = [];
  const running = materializer.run({
    signal: ending.signal,
    idleMs: 20,
    onClaimed: ({ ref }) => claimed.push(ref),
  });
  const served = async (): Promise<string[]> => {
    const { rows } = await db.query<{ ref: string }>(
      "select ref from headstart_materializer.branches where served_version is not null order by ref",
    );
    return rows.map(({ ref }) => ref);
  };
  await upstream.commit("main", { "notes/a/x.json": note("0") }, { author: "Slow <slow@example.org>" });
  await expect.poll(() => claimed, { timeout: 30_000, interval: 10 }).toEqual(["refs/heads/main"]);
  await upstream.commit("drafts/quick", { "notes/a/x.json": note("1") });
  await expect.poll(served, { timeout: 30_000, interval: 20 }).toEqual(["refs/heads/drafts/quick"]);
  await blocker.end();
  await expect
    .poll(served, { timeout: 30_000, interval: 20 })
    .toEqual(["refs/heads/drafts/quick", "refs/heads/main"]);
  ending.abort();
  await running;
});

test("a wake that fails is told, and the run goes on until its signal aborts", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const ending = new AbortController();
  const errors: string[] = [];
  const running = materializer.run({
    signal: ending.signal,
    idleMs: 20,
    wake: async () => await Promise.reject(new Error("the listener is lost")),
    onError: (error) => errors.push(String(error)),
  });
  await expect.poll(() => errors.length, { timeout: 30_000 }).toBeGreaterThan(5);
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.hint({ repository: "handbook" });
  await expect
    .poll(async () => await project.notes("main"), { timeout: 30_000 })
    .toEqual({ "a/x.json": "x" });
  ending.abort();
  await running;
  expect(new Set(errors)).toEqual(new Set(["Error: the listener is lost"]));
});

test("a callback that throws is called once for each thing, is told, and costs nothing else", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  const ending = new AbortController();
  const told: string[] = [];
  const errors: unknown[] = [];
  const refuse = (what: string) => (): never => {
    told.push(what);
    throw new Error(what);
  };
  const running = materializer.run({
    signal: ending.signal,
    idleMs: 20,
    onObserved: refuse("observed"),
    onClaimed: refuse("claimed"),
    onMaterialized: refuse("materialized"),
    onError: (error) => errors.push((error as Error).message),
  });
  await expect.poll(() => told, { timeout: 30_000 }).toContain("materialized");
  ending.abort();
  await running;
  expect(told).toEqual(["observed", "claimed", "materialized"]);
  expect(errors).toEqual(told);
  expect(await project.notes("main")).toEqual({ "a/x.json": "x" });
});

test("what onError throws ends the run and all of its loops", async () => {
  await using project = await openProject();
  const { materializer } = project;
  const running = materializer.run({
    signal: new AbortController().signal,
    idleMs: 20,
    wake: async () => await Promise.reject(new Error("the listener is lost")),
    onError: (error) => {
      throw new Error("not to be borne", { cause: error });
    },
  });
  await expect(running).rejects.toThrow("not to be borne");
});

test("the pause and the number of builds are asked for each time, and a number that is none is told", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  const ending = new AbortController();
  const errors: unknown[] = [];
  let pauses = 0;
  let builds = Number.NaN;
  const running = materializer.run({
    signal: ending.signal,
    get idleMs() {
      pauses += 1;
      return 20;
    },
    concurrency: () => builds,
    onError: (error) => {
      errors.push(error);
      builds = 1;
    },
  });
  await expect
    .poll(async () => await project.notes("main"), { timeout: 30_000 })
    .toEqual({ "a/x.json": "x" });
  const before = pauses;
  await expect.poll(() => pauses, { timeout: 30_000 }).toBeGreaterThan(before + 5);
  ending.abort();
  await running;
  expect(errors).toEqual([
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: expect.stringContaining(
        "concurrency: NaN was given; allowed: a whole number from 0 to 10000.",
      ),
    }),
  ]);
});

test("a run ends at its signal although somebody who chooses which mirrors to remove does not come to an end", async () => {
  await using project = await openProject();
  const { upstream, materializer, root } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  const choosing = join(root, "removing");
  await using _choosing = await holdFetchLock(choosing);
  const ending = new AbortController();
  const over = vi.fn();
  const running = materializer.run({ signal: ending.signal, idleMs: 20 }).then(over);
  try {
    await materializer.hint({ repository: "handbook" });
    const waits = async (): Promise<boolean> => (await readdir(choosing)).length === 2;
    await vi.waitUntil(waits, { timeout: 60_000, interval: 5 });
  } finally {
    ending.abort();
  }
  await vi.waitUntil(() => over.mock.calls.length > 0, { timeout: 60_000, interval: 5 });
  await running;
});
