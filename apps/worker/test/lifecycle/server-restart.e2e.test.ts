import { expect, onTestFinished, test } from "vitest";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";
import { page, workerProject } from "../support/worker-project.ts";

async function ownPostgres(): Promise<PostgresServer> {
  const postgres = await startPostgres();
  onTestFinished(async () => await postgres[Symbol.asyncDispose]());
  return postgres;
}

test("a Postgres that crashes and comes back costs a delay: the worker says so, stays, and goes on", async () => {
  const postgres = await ownPostgres();
  const config = { reconcile: { leaseMs: 2_000 } };
  const { upstream, start, title } = await workerProject({ database: postgres.url, config });
  await upstream.commit("main", { "pages/home.json": page("before") });
  const worker = start();
  const url = await worker.url();
  const read = async (): Promise<string | undefined> => await title("main").catch(() => undefined);
  await expect.poll(read, { timeout: 30_000 }).toBe("before");
  await postgres.stop("immediate");
  for (const name of ["listen", "materialize", "heartbeat"])
    await worker.logged("loop.failed", ({ loop }) => loop === name);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: "waiting", reason: "The database does not answer." },
  ]);
  const blind = await (await fetch(`${url}/metrics`)).text();
  expect(blind).toMatch(/^headstart_worker_loop_failures_total\{loop="listen"\} [1-9]/m);
  expect(blind).toMatch(/^headstart_worker_loop_healthy\{loop="listen"\} 0$/m);
  expect(blind).not.toMatch(/^headstart_worker_queue_depth/m);

  await upstream.commit("main", { "pages/home.json": page("after") });
  await postgres.start();
  await expect.poll(read, { timeout: 60_000 }).toBe("after");
  for (const name of ["listen", "materialize", "heartbeat"])
    await worker.logged("loop.recovered", ({ loop }) => loop === name);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^headstart_worker_loop_healthy\{loop="listen"\} 1$/m);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});

test("a worker that starts before its database waits for it, alive and not ready", async () => {
  const postgres = await ownPostgres();
  const { upstream, start, title } = await workerProject({ database: postgres.url });
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  await postgres.stop("fast");
  const worker = start();
  const url = await worker.url();
  await worker.logged("database.waiting");
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: "starting", reason: expect.stringMatching(/cannot be used yet: .*ECONNREFUSED/) as unknown },
  ]);
  await postgres.start();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 60_000 })
    .toBe("Welcome");
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});

test("a worker ends with 0 while its database is away", async () => {
  const postgres = await ownPostgres();
  const { start } = await workerProject({ database: postgres.url });
  const worker = start();
  await worker.logged("worker.ready");
  await postgres.stop("immediate");
  await worker.logged("loop.failed", ({ loop }) => loop === "listen");
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
  await worker.logged("worker.row-left");
  await postgres.start();
});
