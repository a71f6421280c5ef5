import { expect, test } from "vitest";
import { page, workerProject } from "../support/worker-project.ts";

test("polling alone brings a push into Postgres within its bound, and SIGTERM ends the worker with 0", async () => {
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

  const pushedAt = performance.now();
  await upstream.commit("main", { "pages/home.json": page("Changed") });
  await expect.poll(async () => await title("main"), { timeout: 30_000, interval: 20 }).toBe("Changed");
  const polled = performance.now() - pushedAt;
  expect(polled).toBeLessThan(4_000);

  const { rows } = await db.query("select pid, concurrency, draining from headstart_worker.workers");
  expect(rows).toEqual([{ pid: worker.pid, concurrency: 4, draining: false }]);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
  expect(worker.stderr()).toBe("");
  expect((await db.query("select from headstart_worker.workers")).rowCount).toBe(0);
});
