import { expect } from "vitest";
import { deadName } from "../../src/amqp/topology.ts";
import { startBroker } from "../support/rabbitmq.ts";
import { requires } from "../support/requires.ts";
import { page, workerProject } from "../support/worker-project.ts";

const test = requires("rabbitmq-server");
const NEVER_MS = 600_000;
const PATIENT = { timeout: 60_000, interval: 20 };
const QUEUE = "headstart.repository-branch-updated";

test("a message alone brings a push to Postgres, the version is announced, and SIGTERM ends the worker with 0", async () => {
  await using broker = await startBroker();
  const { upstream, start, title, db } = await workerProject({
    config: {
      amqp: { url: { env: "AMQP_URL" } },
      // Nobody looks by himself.
      observe: { pollMinMs: NEVER_MS, pollMaxMs: NEVER_MS },
    },
  });
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const worker = start({ environment: { AMQP_URL: broker.url } });
  await worker.logged("amqp.connected");
  const connection = await broker.connect();
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "headstart", "version-updated.handbook.main");
  const announced: Record<string, unknown>[] = [];
  await channel.consume(queue, (message) => {
    if (message !== null) announced.push(JSON.parse(String(message.content)) as Record<string, unknown>);
  });
  await expect.poll(async () => await title("main").catch(() => undefined), PATIENT).toBe("Welcome");
  const oid = await upstream.commit("main", { "pages/home.json": page("Changed") });
  const message = {
    type: "repository-branch-updated",
    repository: "handbook",
    branch: "main",
    pushedBy: "jane",
  };
  channel.publish("headstart", "repository-branch-updated", Buffer.from(JSON.stringify(message)), {
    persistent: true,
    messageId: "push-1",
  });
  await channel.waitForConfirms();
  await expect.poll(async () => await title("main"), PATIENT).toBe("Changed");
  await expect
    .poll(() => announced.at(-1), PATIENT)
    .toMatchObject({ type: "version-updated", event: "branch-materialized", branch: "refs/heads/main", oid });
  const { rows } = await db.query("select outcome, repositories, pushed_by from headstart_worker.deliveries");
  expect(rows).toEqual([{ outcome: "applied", repositories: ["handbook"], pushed_by: "jane" }]);
  const metrics = await (await fetch(`${await worker.url()}/metrics`)).text();
  expect(metrics).toContain("headstart_worker_amqp_connected 1");
  expect(metrics).toContain('headstart_worker_amqp_messages_total{outcome="recorded"} 1');
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
  expect(worker.output()).not.toContain(broker.password);
  const queues = await broker.control("list_queues", "name", "messages", "consumers", "--no-table-headers");
  expect(queues.split("\n")).toContain(`${QUEUE}\t0\t0`);
  expect(queues.split("\n")).toContain(`${deadName(QUEUE)}\t0\t0`);
  expect(await broker.control("list_connections", "pid", "--no-table-headers")).not.toContain("\n");
  await connection.close();
});
