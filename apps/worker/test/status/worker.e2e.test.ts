import { expect, test } from "vitest";
import { status as schema } from "../../src/status/status-schema.ts";
import { until } from "../support/until.ts";
import { page, workerProject } from "../support/worker-project.ts";

test("a worker shows itself and what it served, tells viewers, and lets them go when it ends", async () => {
  const project = await workerProject();
  const worker = project.start();
  const url = await worker.url();
  const commit = await project.upstream.commit("main", { "pages/home.json": page("Home") });
  const read = async () => schema.parse(await (await fetch(`${url}/status`)).json());
  await until(
    async () => (await read()).branches[0]?.served?.commit === commit && (await read()).workers.length === 1,
    { what: "the branch and the worker", details: read },
  );
  const { workers, worker: name, actions } = await read();
  expect(workers[0]).toMatchObject({ id: name, draining: false, failingLoops: [] });
  expect(actions).toBe(false);
  const { body } = await fetch(`${url}/live`);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain("retry:");
  worker.send("SIGTERM");
  for (let ended = false; !ended;) ended = (await reader.read()).done;
  expect(await worker.exited).toBe(0);
});
