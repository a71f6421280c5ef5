import { expect, test } from "vitest";
import { page, workerProject, type WorkerProject } from "../support/worker-project.ts";

async function mostLeases({ db }: WorkerProject): Promise<number> {
  const { rows } = await db.query<{ leases: number }>(
    "select count(*)::int as leases from headstart_materializer.branches where lease_until > now()",
  );
  return rows[0]?.leases ?? 0;
}

test("SIGHUP changes the concurrency of a worker at work, and a wrong configuration changes nothing", async () => {
  const project = await workerProject({ config: { reconcile: { concurrency: 2 } } });
  const { upstream, start } = project;
  for (let index = 0; index < 12; index += 1) {
    const pages = Array.from({ length: 60 }, (_, at) => [`pages/${at}.json`, page(`${index} ${at}`, 20)]);
    await upstream.commit(`drafts/${index}`, Object.fromEntries(pages) as Record<string, string>);
  }
  const worker = start();
  await worker.logged("worker.ready");
  await expect.poll(async () => await mostLeases(project), { timeout: 30_000, interval: 10 }).toBe(2);
  worker.configure({ reconcile: { concurrency: 0 } });
  worker.send("SIGHUP");
  await worker.logged("config.not-reloaded");
  worker.configure({ reconcile: { concurrency: 8 }, drainMs: 9_000 });
  worker.send("SIGHUP");
  expect((await worker.logged("config.reloaded"))["needRestart"]).toEqual(["drainMs"]);
  expect(await worker.logged("concurrency.changed")).toMatchObject({ from: 2, to: 8 });
  await expect.poll(async () => await mostLeases(project), { timeout: 30_000, interval: 10 }).toBe(8);
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});
