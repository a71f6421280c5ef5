import { createMaterializer } from "@headstart/materializer";
import { expect, onTestFinished, test } from "vitest";
import { gitHttpServer } from "../support/git-http-server.ts";
import { page, workerProject } from "../support/worker-project.ts";

test("polling alone brings a push into Postgres, and SIGTERM ends the worker with 0", async () => {
  const { upstream, start, title, db } = await workerProject();
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const worker = start();
  const url = await worker.url();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 30_000 })
    .toBe("Welcome");
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, { status: "ready" }]);

  await upstream.commit("main", { "pages/home.json": page("Changed") });
  await expect.poll(async () => await title("main"), { timeout: 30_000, interval: 20 }).toBe("Changed");

  const { rows } = await db.query("select pid, concurrency, draining from headstart_worker.workers");
  expect(rows).toEqual([{ pid: worker.pid, concurrency: 4, draining: false }]);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
  expect(worker.stderr()).toBe("");
  expect((await db.query("select from headstart_worker.workers")).rowCount).toBe(0);
});

test("a hint that anybody writes is followed at once, though polling would take a minute", async () => {
  const { upstream, start, title, db } = await workerProject({
    config: { observe: { pollMinMs: 60_000, pollMaxMs: 60_000 } },
  });
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const worker = start();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 30_000 })
    .toBe("Welcome");
  await upstream.commit("main", { "pages/home.json": page("Changed") });
  await createMaterializer({ db, projectors: [], mirrors: { root: "/nonexistent" } }).hint({
    repository: "handbook",
    branch: "main",
  });
  await expect.poll(async () => await title("main"), { timeout: 20_000, interval: 20 }).toBe("Changed");
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});

test("remotes that never answer hold up no other repository", async () => {
  const silent = await gitHttpServer("/nonexistent");
  onTestFinished(async () => await silent[Symbol.asyncDispose]());
  silent.behaviour.hang = true;
  const { upstream, server, start, title } = await workerProject();
  const stuck = ["a", "b", "c"].map((name) => ({
    name,
    url: `${silent.url}/${name}.git`,
    projector: "pages",
  }));
  const worker = start({
    config: {
      repositories: [...stuck, { name: "handbook", url: `${server.url}/content.git`, projector: "pages" }],
    },
  });
  await expect.poll(silent.requests, { timeout: 30_000 }).toBe(3);
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  await expect.poll(async () => await title("main"), { timeout: 20_000 }).toBe("Welcome");
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});

test("the rolling audit finds a row that is not what git says, tells it, and has it built again", async () => {
  const { upstream, start, title, db } = await workerProject({ config: { audit: { everyMs: 200 } } });
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const worker = start();
  const url = await worker.url();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 30_000 })
    .toBe("Welcome");
  await db.query(`update headstart_materializer.segment_rows set data = '{"title": "Forged"}'`);
  expect(await worker.logged("audit.different")).toMatchObject({ repository: "handbook", differences: 1 });
  await expect.poll(async () => await title("main"), { timeout: 30_000 }).toBe("Welcome");
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
    /^headstart_worker_audits_total\{result="different"\} [1-9]/m,
  );
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});

test("retention removes dead workers, old deliveries, events that all have read and rows that no version needs", async () => {
  const { upstream, start, title, db } = await workerProject({
    config: { retention: { everyMs: 200, deliveriesMs: 60_000, eventsMs: 1, workersMs: 30_000 } },
  });
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const worker = start();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 30_000 })
    .toBe("Welcome");
  await db.query(`insert into headstart_worker.workers
    (id, host, pid, version, started_at, seen_at, concurrency, building)
    values ('gone:1', 'gone', 1, '0', now(), now() - interval '1 min', 4, 0)`);
  await db.query(`insert into headstart_worker.deliveries (source, delivery, event, outcome, received_at)
    values ('hub', '1', 'push', 'applied', now() - interval '2 min')`);
  await db.query(`insert into headstart_materializer.segments (repository_id, branch_id, token)
    select repository_id, id, 0 from headstart_materializer.branches`);
  await worker.logged("retention.removed", ({ workers }) => workers === 1);
  await worker.logged("retention.removed", ({ deliveries }) => deliveries === 1);
  await worker.logged("retention.removed", ({ segments }) => segments === 1);
  await upstream.commit("main", { "pages/home.json": page("Later") });
  await worker.logged("retention.removed", ({ events }) => events === 1);
  expect(await title("main")).toBe("Later");
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});
