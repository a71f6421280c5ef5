import { expect, test } from "vitest";
import { page, workerProject } from "../support/worker-project.ts";

test("two workers share the branches, each of them builds some and none is built twice", async () => {
  const { upstream, db, start, settled } = await workerProject();
  for (let index = 0; index < 30; index += 1) {
    const pages = Array.from({ length: 10 }, (_, at) => [`pages/${at}.json`, page(`${index} ${at}`, 10)]);
    await upstream.commit(`drafts/${index}`, Object.fromEntries(pages) as Record<string, string>);
  }
  const workers = [start(), start()];
  await Promise.all(workers.map(async (worker) => await worker.logged("worker.ready")));
  await expect.poll(async () => await settled(), { timeout: 60_000, interval: 50 }).toBe(30);
  const { rows } = await db.query<{ pid: number; version: string }>(
    "select pid, version from headstart_worker.workers order by pid",
  );
  expect(rows.map(({ pid }) => pid)).toEqual(workers.map(({ pid }) => pid).toSorted((a, b) => a - b));
  for (const worker of workers) worker.send("SIGTERM");
  expect(await Promise.all(workers.map(async ({ exited }) => await exited))).toEqual([0, 0]);
  const published = workers.map(({ log }) => log.filter(({ event }) => event === "branch.published"));
  expect(published.map((lines) => lines.length > 0)).toEqual([true, true]);
  const refs = published.flat().map((line) => line["ref"]);
  expect(new Set(refs).size).toBe(30);
  expect(refs).toHaveLength(30);
});

test("during a deployment the older worker lives on beside the newer one and takes nothing back", async () => {
  const { upstream, db, start, title } = await workerProject();
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const old = start();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 30_000 })
    .toBe("Welcome");
  const present = start({ environment: { TEST_REVISION: "2" } });
  const projectors = async (): Promise<number> => {
    const { rows } = await db.query("select distinct projector from headstart_materializer.versions");
    return rows.length;
  };
  await expect.poll(projectors, { timeout: 30_000 }).toBe(2);
  const late = start();
  await late.logged("repository.superseded");
  await late.logged("worker.ready");
  await upstream.commit("main", { "pages/home.json": page("Changed") });
  await expect.poll(async () => await title("main"), { timeout: 30_000 }).toBe("Changed");
  const { rows } = await db.query<{ superseded: string[]; same: boolean }>(
    `select r.superseded_projectors as superseded, v.projector = r.projector as same
     from headstart_materializer.repositories r
     join headstart_materializer.branches b on b.repository_id = r.id
     join headstart_materializer.versions v on v.id = b.served_version`,
  );
  expect(rows).toMatchObject([{ same: true }]);
  expect(rows[0]?.superseded).toHaveLength(1);
  for (const worker of [old, present, late]) {
    worker.send("SIGTERM");
    expect(await worker.exited).toBe(0);
  }
});
