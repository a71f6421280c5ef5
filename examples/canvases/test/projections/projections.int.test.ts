import { mkdtemp, chmod, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTarget } from "@headstart/cli";
import { directoryStore, prepare, type Prepared, startEmbeddedServer } from "@headstart/pg-snapshot";
import { type BootResult, createBootstrap } from "@headstart/projection-bootstrap";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { activity } from "../../projections/activity.ts";
import options from "../../projections/projections.config.ts";
import { runs } from "../../projections/runs.ts";
import { threads } from "../../projections/threads.ts";
import { openCanvases, type Canvases } from "../open-canvases.ts";

let canvases: Canvases;
let pool: pg.Pool;
beforeAll(async () => {
  canvases = await openCanvases();
  pool = new pg.Pool({ connectionString: canvases.url, max: 8 });
  pool.on("error", () => undefined);
});
afterAll(async () => {
  await pool.end();
  await canvases[Symbol.asyncDispose]();
});

test("the three models equal the tables that SQL derives from the same 205,000 events", async () => {
  const bootstrap = createBootstrap({ ...options, pool });
  const { kind, model, report } = await bootstrap.boot();
  expect(kind).toBe("complete");
  const { rows: events } = await pool.query<{ count: number }>("select count(*)::integer from event");
  expect(report.reads.rebuild.rows).toBe(3 * (events[0]?.count ?? 0));

  const derivedRuns = await pool.query<[string, unknown]>({
    rowMode: "array",
    text: `select 'run/' || id, json_build_object(
             'repository', repository_id, 'workflow', workflow, 'number', number, 'branch', branch,
             'trigger', trigger, 'title', title, 'status', status, 'conclusion', conclusion,
             'requestedAt', ${iso("requested_at")}, 'startedAt', ${iso("started_at")},
             'completedAt', ${iso("completed_at")}, 'jobs', jobs, 'failedJobs', failed_jobs) from run`,
  });
  expect(new Map(model.entries(runs))).toEqual(new Map(derivedRuns.rows));

  const derivedDays = await pool.query<[string, unknown]>({
    rowMode: "array",
    text: `select repository_id || '/' || day, json_build_object(
             'repository', repository_id, 'day', day, 'events', events, 'pushes', pushes, 'runs', runs,
             'failedRuns', failed_runs, 'opened', opened, 'closed', closed, 'comments', comments,
             'stars', stars) from activity_day`,
  });
  expect(new Map(model.entries(activity))).toEqual(new Map(derivedDays.rows));

  const derivedTexts = await pool.query<[string, unknown]>({
    rowMode: "array",
    text: "select stream, json_build_object('repository', repository_id, 'title', title, 'text', body) from document",
  });
  const written = [...model.entries(threads)].flatMap(([key, { repository, title, text }]) =>
    title === null ? [] : [[key, { repository, title, text }] as const],
  );
  expect(new Map(written)).toEqual(new Map(derivedTexts.rows));
});

test("the next boot reads no event, and verification finds the rows to be what the log says", async () => {
  const bootstrap = createBootstrap({ ...options, pool });
  const { report } = await bootstrap.boot();
  expect(report.projections.map(({ found, mode }) => [found, mode])).toEqual(
    options.projections.map(() => ["ready", "snapshot"]),
  );
  expect(report.reads).toMatchObject({ tail: { rows: 0 }, refold: { rows: 0 }, rebuild: { rows: 0 } });
  for (const { name } of options.projections) {
    expect(await bootstrap.verify(name), name).toMatchObject({ equal: true });
  }
});

test("a booted database boots from its rows where it was cloned, and where another server restored it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "canvases-moved-"));
  await chmod(folder, 0o755);
  const small = await loadTarget("canvases", {
    cwd: new URL("../..", import.meta.url).pathname,
    environment: { ...process.env, CANVASES_EVENTS: "2000" },
  });
  const boot = async (url: string): Promise<BootResult> => {
    const db = new pg.Pool({ connectionString: url, max: 8 });
    try {
      return await createBootstrap({ ...options, pool: db }).boot();
    } finally {
      await db.end();
    }
  };
  const target = {
    ...small,
    name: "canvases-booted",
    require: [],
    build: async (database: Parameters<typeof small.build>[0]) => {
      await small.build(database);
      await boot(database.url);
    },
    stores: [directoryStore(join(folder, "snapshots"), { writable: true })],
  };
  await using here = await startEmbeddedServer({ directory: join(folder, "here") });
  await using there = await startEmbeddedServer({ directory: join(folder, "there") });
  try {
    const expectRows = async ({ template }: Prepared): Promise<void> => {
      const clone = await template.clone();
      const { report } = await boot(clone.url);
      expect(report.projections.map(({ found }) => found)).toEqual(["ready", "ready", "ready"]);
      expect(report.projections.every(({ rows }) => rows > 0)).toBe(true);
      expect(report.reads.tail.rows + report.reads.rebuild.rows).toBe(0);
      await clone.drop();
    };
    await using built = await prepare(target, { server: here.url, save: "always" });
    await expectRows(built);
    await using restored = await prepare(target, { server: there.url, save: "never" });
    expect(restored.tier).toBe("snapshot");
    await expectRows(restored);
  } finally {
    await there.leave();
    await here.leave();
    await rm(folder, { recursive: true, force: true });
  }
});

/** A time as `toISOString` says it. */
function iso(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
