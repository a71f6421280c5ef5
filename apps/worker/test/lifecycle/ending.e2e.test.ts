import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import { expect, test } from "vitest";
import { findProcesses } from "../support/find-processes.ts";
import { holdPublications } from "../support/held-publications.ts";
import { page, workerProject, type WorkerProject } from "../support/worker-project.ts";
import type { WorkerProcess } from "../support/worker-process.ts";

const branchCount = 20;
const names = Array.from({ length: branchCount }, (_, index) => `drafts/${index}`);

async function leases({ db }: WorkerProject): Promise<number> {
  const { rows } = await db.query<{ leases: number }>(
    "select count(*)::int as leases from headstart_materializer.branches where lease_token is not null",
  );
  return rows[0]?.leases ?? 0;
}

/** What a worker that is gone must not have left anywhere. */
async function leftBy(project: WorkerProject) {
  const { db, mirrors } = project;
  const sessions = async () =>
    (
      await db.query(
        "select from pg_stat_activity where application_name like 'headstart-worker%' and datname = current_database()",
      )
    ).rowCount;
  // Postgres ends a session a moment after its client has closed the connection.
  await expect.poll(sessions, { timeout: 10_000, interval: 20 }).toBe(0);
  const { rows: locks } = await db.query(
    `select from pg_locks l join pg_database d on d.oid = l.database
     where l.locktype = 'advisory' and d.datname = current_database()`,
  );
  const { rows: observing } = await db.query(
    "select from headstart_materializer.repositories where observe_token is not null",
  );
  const { rows: workers } = await db.query("select from headstart_worker.workers");
  const entries = await readdir(mirrors, { recursive: true, withFileTypes: true });
  return {
    processes: await findProcesses(mirrors),
    leases: await leases(project),
    locks: locks.length,
    observing: observing.length,
    workers: workers.length,
    fetchLocks: entries.filter((entry) => entry.isSocket()).length,
    gitLocks: entries.filter(({ name }) => name.endsWith(".lock")).length,
  };
}

const nothing = {
  processes: [],
  leases: 0,
  locks: 0,
  observing: 0,
  workers: 0,
  fetchLocks: 0,
  gitLocks: 0,
};

/** A worker in the middle of as many builds as there are drafts. */
async function startBuilding(): Promise<{ project: WorkerProject; worker: WorkerProcess }> {
  const project = await workerProject({
    config: { reconcile: { concurrency: branchCount }, drainMs: 10_000 },
  });
  const { upstream, mirrors, start } = project;
  // Each draft is a hundred pages of its own that take long to assemble: two seconds of work a branch.
  for (const name of names) {
    const pages = Array.from({ length: 100 }, (_, index) => [
      `pages/${index}.json`,
      page(`${name} ${index}`, 20),
    ]);
    await upstream.commit(name, Object.fromEntries(pages) as Record<string, string>);
  }
  const worker = start();
  await worker.logged("worker.ready");
  await expect.poll(async () => await leases(project), { timeout: 60_000, interval: 20 }).toBe(branchCount);
  // The builds read from git: its process is there.
  await expect
    .poll(async () => (await findProcesses(mirrors)).some((command) => command.startsWith("git")), {
      interval: 20,
    })
    .toBe(true);
  return { project, worker };
}

test("SIGTERM with 20 builds running leaves no child process, lock or lease, and ends with 0 within the deadline", async () => {
  const { project, worker } = await startBuilding();
  worker.send("SIGTERM");
  const signalledAt = performance.now();
  expect(await worker.exited).toBe(0);
  expect(performance.now() - signalledAt).toBeLessThan(10_000);
  expect((await worker.logged("worker.ending"))["building"]).toBe(branchCount);
  expect(await leftBy(project)).toEqual(nothing);
  expect(await project.settled()).toBeLessThan(branchCount);
  // An attempt that the worker itself broke off does not count, and the next one builds them at once.
  const { rows } = await project.db.query("select from headstart_materializer.branches where attempts > 0");
  expect(rows).toEqual([]);
});

test("a Ctrl-C that comes twice, as npx passes it on, is one: leases are given back, and it ends with 0", async () => {
  const { project, worker } = await startBuilding();
  worker.send("SIGINT");
  await worker.logged("worker.ending");
  worker.send("SIGINT");
  expect(await worker.exited).toBe(0);
  expect(worker.log.map(({ event }) => event)).not.toContain("worker.cut-short");
  expect(await leftBy(project)).toEqual(nothing);
});

test("queries that wait for a lock are cancelled, and their leases given back", async () => {
  const project = await workerProject({
    config: { reconcile: { concurrency: branchCount }, drainMs: 20_000 },
  });
  const { upstream, start } = project;
  const first = start();
  await first.logged("worker.ready");
  first.send("SIGTERM");
  await first.exited;
  const held = await holdPublications(project);
  const tip = await upstream.commit("main", { "pages/home.json": page("Welcome") });
  await upstream.branches(names.slice(1), tip);
  const worker = start();
  await held.waiting(4);
  await expect.poll(async () => await leases(project), { timeout: 60_000, interval: 20 }).toBe(branchCount);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
  await worker.logged("database.queries-cancelled");
  await held.release();
  expect(await leftBy(project)).toEqual(nothing);
});

test.each([
  ["of another kind, which no repeat is", "SIGINT"],
  ["of the same kind, once it is no repeat", "SIGTERM"],
] as const)("a second signal %s, ends it at once with 5, and says what was left", async (_, second) => {
  const project = await workerProject({ config: { drainMs: 60_000, http: { port: 0, lingerMs: 59_999 } } });
  const worker = project.start();
  await worker.logged("worker.ready");
  worker.send("SIGTERM");
  await worker.logged("worker.ending");
  const cutShort = async (): Promise<boolean> => {
    worker.send(second);
    return await Promise.resolve(worker.log.some(({ event }) => event === "worker.cut-short"));
  };
  await expect.poll(cutShort, { timeout: 10_000, interval: 50 }).toBe(true);
  expect(await worker.exited).toBe(5);
  expect((await worker.logged("worker.cut-short"))["left"]).toContain("requests");
  expect(worker.stderr()).toMatch(/DRAIN_EXCEEDED: Cut short, for a second signal came\. Left: .*requests/);
  expect(await findProcesses(project.mirrors)).toEqual([]);
});

test("when the time to end is over it ends with 5, and git's processes end with it", async () => {
  const project = await workerProject({
    config: {
      drainMs: 1_000,
      webhooks: { sources: { forge: { forge: "github", secrets: [{ env: "HOOK_SECRET" }] } } },
    },
  });
  const { server, mirrors, start } = project;
  server.behaviour.hang = true;
  const worker = start({ environment: { HOOK_SECRET: "hook-secret-71" } });
  await expect.poll(server.requests, { timeout: 30_000, interval: 10 }).toBeGreaterThan(0);
  await beginWebhook(`${await worker.url()}/webhooks/forge`);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(5);
  expect(worker.stderr()).toMatch(/DRAIN_EXCEEDED: .* Left: .*requests/);
  expect((await worker.logged("worker.cut-short"))["why"]).toBe("the time to end was over");
  await expect.poll(async () => await findProcesses(mirrors), { timeout: 5_000 }).toEqual([]);
});

/** A webhook whose body does not come. Resolves once the worker waits for it. */
async function beginWebhook(url: string): Promise<void> {
  const sending = request(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": 100,
      "x-github-event": "push",
      "x-github-delivery": "1",
      expect: "100-continue",
    },
  });
  // The worker is gone before it could answer.
  sending.on("error", () => undefined);
  sending.flushHeaders();
  await once(sending, "continue");
}

test("requests that are under way when the signal comes are answered", async () => {
  const project = await workerProject({ config: { http: { port: 0, lingerMs: 2_000 } } });
  const worker = project.start();
  const url = await worker.url();
  await worker.logged("worker.ready");
  worker.send("SIGTERM");
  await worker.logged("worker.ending");
  // Load balancers still send while they have not noticed.
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: "draining" }]);
  expect(ready.headers.get("connection")).toBe("close");
  expect(await worker.exited).toBe(0);
  await expect(fetch(`${url}/readyz`)).rejects.toThrow();
});
