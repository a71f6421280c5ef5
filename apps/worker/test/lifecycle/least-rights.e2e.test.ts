import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { status } from "../../src/status/status-schema.ts";
import { page, workerProject, type WorkerProject } from "../support/worker-project.ts";

/** Somebody who owns nothing yet and may create schemas in the project's database. */
async function newcomer({ db, databaseUrl }: WorkerProject) {
  const [role, password] = [`worker_${randomBytes(6).toString("hex")}`, randomBytes(12).toString("hex")];
  const url = new URL(databaseUrl);
  const database = url.pathname.slice(1);
  await db.query(`create role "${role}" login password '${password}'`);
  onTestFinished(async () => {
    await db.query(`drop owned by "${role}"; drop role "${role}"`);
  });
  await db.query(`grant create on database "${database}" to "${role}"`);
  Object.assign(url, { username: role, password });
  const revoke = async () => await db.query(`revoke create on database "${database}" from "${role}"`);
  return { url: url.href, revoke };
}

test("the right to create schemas is needed once: without it a worker starts again, and so does its page", async () => {
  const project = await workerProject();
  const { url, revoke } = await newcomer(project);
  await project.upstream.commit("main", { "pages/home.json": page("Welcome") });
  const serve = async (): Promise<void> => {
    const worker = project.start({ environment: { DATABASE_URL: url } });
    await worker.logged("worker.ready");
    const address = await worker.url();
    const isShown = async (): Promise<unknown> => {
      const { health, totals } = status.parse(await (await fetch(`${address}/status`)).json());
      return [health.ok, totals.states.ready];
    };
    await expect.poll(isShown, { timeout: 30_000, interval: 50 }).toEqual([true, 1]);
    worker.send("SIGTERM");
    expect(await worker.exited).toBe(0);
  };
  await serve();
  await revoke();
  await serve();
});
