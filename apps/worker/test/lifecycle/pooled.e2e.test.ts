import { expect, onTestFinished, test } from "vitest";
import { holdPublications } from "../support/held-publications.ts";
import { startBouncer } from "../support/pgbouncer.ts";
import { requires } from "../support/requires.ts";
import { page, workerProject } from "../support/worker-project.ts";

requires("pgbouncer")(
  "PgBouncer, pooling by session and with its own defaults, may stand before the database",
  async () => {
    const project = await workerProject();
    const bouncer = await startBouncer(project.databaseUrl);
    onTestFinished(async () => await bouncer[Symbol.asyncDispose]());
    await project.upstream.commit("main", { "pages/home.json": page("Welcome") });
    const worker = project.start({ environment: { DATABASE_URL: bouncer.url } });
    await worker.logged("worker.ready");
    await expect.poll(async () => await project.title("main"), { timeout: 30_000 }).toBe("Welcome");
    expect(worker.log.filter(({ event }) => event === "loop.failed")).toEqual([]);
    worker.send("SIGTERM");
    expect(await worker.exited).toBe(0);
  },
);

requires("pgbouncer")(
  "queries that wait for a lock behind PgBouncer are cancelled when the worker ends",
  async () => {
    const project = await workerProject({ config: { drainMs: 10_000 } });
    const bouncer = await startBouncer(project.databaseUrl);
    onTestFinished(async () => await bouncer[Symbol.asyncDispose]());
    const worker = project.start({ environment: { DATABASE_URL: bouncer.url } });
    await worker.logged("worker.ready");
    const held = await holdPublications(project);
    await project.upstream.commit("main", { "pages/home.json": page("Welcome") });
    await held.waiting(1);
    worker.send("SIGTERM");
    expect(await worker.exited, worker.output()).toBe(0);
    await worker.logged("database.queries-cancelled");
    await held.release();
    const { rows } = await project.db.query(
      "select lease_token, served_version from headstart_materializer.branches",
    );
    expect(rows).toEqual([{ lease_token: null, served_version: null }]);
  },
);

test("a database that answers and cannot be written to is waited for, and readiness says what it said", async () => {
  const project = await workerProject();
  const name = new URL(project.databaseUrl).pathname.slice(1);
  await project.db.query(`alter database "${name}" set default_transaction_read_only = on`);
  const worker = project.start();
  await worker.logged("database.waiting");
  const ready = await fetch(`${await worker.url()}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({
    status: "starting",
    reason: expect.stringMatching(/^The database cannot be used yet: .*read-only transaction/) as unknown,
  });
});
