import { expect, test } from "vitest";
import { sendWebhook } from "../support/announce.ts";
import { openDeployment, POLL_MAX_MS, type Deployment } from "../support/deployment.ts";
import { openMessages } from "../support/messages.ts";
import { startBroker } from "../support/rabbitmq.ts";
import { requires } from "../support/requires.ts";
import { until } from "../support/until.ts";
import type { Upstream } from "../support/upstream.ts";

/** Nobody looks by himself before the test is over. */
const never = { pollMinMs: 600_000, pollMaxMs: 600_000 };

test("a webhook alone brings a push to Postgres", async () => {
  await using deployment = await openDeployment({ config: { observe: never } });
  const [upstream] = deployment.upstreams as [Upstream];
  await upstream.push({ kind: "commit", branch: "main", files: { "pages/home.json": "first" } });
  const worker = await deployment.startWorker();
  await shows(deployment, "first");
  await upstream.push({ kind: "commit", branch: "main", files: { "pages/home.json": "second" } });
  expect(await sendWebhook(worker.address, upstream, { branch: "main", kind: "commit" })).toBe(202);
  await shows(deployment, "second");
});

requires("rabbitmq-server")("a message of RabbitMQ alone brings a push to Postgres", async () => {
  await using broker = await startBroker();
  const messages = await openMessages(broker);
  await using deployment = await openDeployment({ broker, config: { observe: never } });
  const [upstream] = deployment.upstreams as [Upstream];
  await upstream.push({ kind: "commit", branch: "main", files: { "pages/home.json": "first" } });
  const worker = await deployment.startWorker();
  await shows(deployment, "first");
  await worker.logged("amqp.connected");
  await upstream.push({ kind: "commit", branch: "main", files: { "pages/home.json": "second" } });
  await messages.send(upstream.name, "main");
  await shows(deployment, "second");
  await messages.expectNothingLost(deployment);
});

test("polling alone brings a push to Postgres within its bound, when the webhook is lost", async () => {
  await using deployment = await openDeployment();
  const [upstream] = deployment.upstreams as [Upstream];
  await upstream.push({ kind: "commit", branch: "main", files: { "pages/home.json": "first" } });
  await deployment.startWorker();
  await shows(deployment, "first");
  await upstream.push({ kind: "commit", branch: "main", files: { "pages/home.json": "second" } });
  const pushedAt = performance.now();
  await shows(deployment, "second");
  expect(performance.now() - pushedAt, "milliseconds").toBeLessThan(POLL_MAX_MS + BUILD_MS);
});

/** What fetching and building one page may take besides, on a machine that has other work. */
const BUILD_MS = 10_000;

async function shows({ db }: Deployment, title: string): Promise<void> {
  const shown = async (): Promise<boolean> => {
    const { rows } = await db.query<{ title: string }>(
      "select data ->> 'title' as title from headstart_materializer.branch_rows where ref = 'refs/heads/main'",
    );
    return rows[0]?.title === title;
  };
  await until(shown, { what: `"${title}" to be shown`, timeoutMs: 20_000 });
}
