import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startWorkerProcess } from "../support/worker-process.ts";
import { workerProject } from "../support/worker-project.ts";

test("without START_REPOSITORY_MATERIALIZER=yes it needs no configuration, says that it is off, and serves health", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "headstart-off-"));
  onTestFinished(async () => await rm(cwd, { recursive: true }));
  const worker = startWorkerProcess({ cwd, environment: { HEADSTART_WORKER_PORT: "0" } });
  const said = await worker.logged("worker.disabled");
  expect(said["hint"]).toContain("START_REPOSITORY_MATERIALIZER=yes");
  const health = await fetch(`${String(said["url"])}/healthz`);
  expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
  const ready = await fetch(`${String(said["url"])}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: "disabled", reason: 'START_REPOSITORY_MATERIALIZER is not "yes".' },
  ]);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
  expect(worker.log.map(({ event }) => event)).toEqual(["worker.disabled"]);
  expect(worker.stderr()).toBe("");
});

test("any other value than yes keeps it off: nothing is connected, fetched or written", async () => {
  const { start, server, db } = await workerProject();
  const worker = start({ environment: { START_REPOSITORY_MATERIALIZER: "true", DATABASE_URL: "" } });
  await worker.logged("worker.disabled");
  worker.send("SIGINT");
  expect(await worker.exited).toBe(0);
  expect(server.requests()).toBe(0);
  const { rows } = await db.query("select from pg_namespace where nspname like 'headstart%'");
  expect(rows).toEqual([]);
});
