import { randomUUID } from "node:crypto";
import { createMaterializer } from "@headstart/materializer";
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import pg from "pg";
import { afterAll, beforeAll, expect, test as plain } from "vitest";
import type { AmqpConfig } from "../../src/amqp/amqp-config.ts";
import { deadName, declareTopology } from "../../src/amqp/topology.ts";
import { runAmqp } from "../../src/amqp/run-amqp.ts";
import { runDeliveries } from "../../src/deliveries/run-deliveries.ts";
import type { WorkerContext } from "../../src/worker-context.ts";
import { openIntake, type Intake } from "../support/intake.ts";
import { openMuteProxy } from "../support/mute-proxy.ts";
import { startBroker, type Broker } from "../support/rabbitmq.ts";
import { findProgram, requires } from "../support/requires.ts";

const test = requires("rabbitmq-server");
const installed = findProgram("rabbitmq-server") !== undefined;
const PATIENT = { timeout: 60_000 };

let broker: Broker;

beforeAll(async () => {
  if (installed) broker = await startBroker();
});
afterAll(async () => {
  if (installed) await broker[Symbol.asyncDispose]();
});

/** A database and workers that talk to the broker, by names of the test's own. */
interface Line extends AsyncDisposable {
  readonly intake: Intake;
  readonly exchange: string;
  readonly queue: string;
  readonly channel: Channel;
  /** Runs a worker's part; the returned function ends it as SIGTERM does. */
  run(context?: WorkerContext): () => Promise<void>;
  send(message: unknown, messageId?: string): void;
  /** Messages that wait in a queue, also those that a worker holds. */
  depth(queue: string): Promise<number>;
}

/** @param url where the worker finds the broker */
async function openLine({ prefetch = 100, url = broker.url } = {}): Promise<Line> {
  const id = randomUUID().slice(0, 8);
  const [exchange, queue] = [`headstart.${id}`, `updates.${id}`];
  const intake = await openIntake({
    environment: { AMQP: url },
    amqp: { url: { env: "AMQP" }, exchange, queue, prefetch },
  });
  const connection = await broker.connect();
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  const running = new Set<() => Promise<void>>();
  return {
    intake,
    exchange,
    queue,
    channel,
    run: (context = intake.context) => {
      const end = new AbortController();
      const over = runAmqp(context, end.signal);
      const stop = async (): Promise<void> => {
        end.abort();
        await over;
        running.delete(stop);
      };
      running.add(stop);
      return stop;
    },
    send: (message, messageId) => {
      const body = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
      const options = { persistent: true, ...(messageId !== undefined && { messageId }) };
      channel.publish(exchange, "repository-branch-updated", body, options);
    },
    depth: async (name) => {
      const lines = (await broker.control("list_queues", "name", "messages", "--no-table-headers")).split(
        "\n",
      );
      return Number(lines.find((line) => line.startsWith(`${name}\t`))?.split("\t")[1] ?? Number.NaN);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...running].map(async (stop) => await stop()));
      await connection.close().catch(() => undefined);
      await intake[Symbol.asyncDispose]();
    },
  };
}

const updated = (repository: string, branch?: string, pushedBy?: string) => ({
  type: "repository-branch-updated",
  repository,
  ...(branch !== undefined && { branch }),
  ...(pushedBy !== undefined && { pushedBy }),
});

async function isConnected(context: WorkerContext): Promise<boolean> {
  const text = await context.metrics.registry
    .getSingleMetricAsString("headstart_worker_amqp_connected")
    .catch(() => "");
  return /^headstart_worker_amqp_connected 1$/m.test(text);
}

/** By name: messages that come together may be stored in another order. */
async function deliveries(intake: Intake) {
  const { rows } = await intake.db.query<Record<string, unknown>>(
    "select delivery, event, outcome, reason, repositories, refs, pushed_by from headstart_worker.deliveries where source = 'amqp' order by delivery",
  );
  return rows;
}

test("a message becomes a delivery, is acknowledged, and makes its repository due", async () => {
  await using line = await openLine();
  const { intake } = line;
  await intake.register("handbook", "https://example.org/handbook");
  line.run();
  const end = new AbortController();
  const applying = runDeliveries(intake.context, end.signal);
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  line.send(updated("handbook", "drafts/x", "jane"), "m-1");
  line.send(updated("handbook"), "m-2");
  line.send(updated("nobody"), "m-3");
  line.send(updated("handbook", "drafts/x", "jane"), "m-1");
  await expect
    .poll(async () => (await deliveries(intake)).map(({ outcome }) => outcome), PATIENT)
    .toEqual(["applied", "applied", "unknown-repository"]);
  expect(await deliveries(intake)).toMatchObject([
    { delivery: "m-1", repositories: ["handbook"], refs: ["refs/heads/drafts/x"], pushed_by: "jane" },
    { delivery: "m-2", repositories: ["handbook"], refs: [] },
    { delivery: "m-3", repositories: ["nobody"], reason: "no repository is registered as nobody" },
  ]);
  await expect.poll(async () => await line.depth(line.queue), PATIENT).toBe(0);
  expect(await line.depth(deadName(line.queue))).toBe(0);
  // The queue is empty once the last message is handed out, and that may be under way.
  await expect
    .poll(
      async () => await intake.metric('headstart_worker_amqp_messages_total{outcome="repeated"}'),
      PATIENT,
    )
    .toBe(1);
  const { rows } = await intake.db.query("select ref, pushed_by from headstart_materializer.hints");
  expect(rows).toEqual([{ ref: "refs/heads/drafts/x", pushed_by: "jane" }]);
  end.abort();
  await applying;
});

test("messages nobody can act on are laid aside once, shown with the reason, and keep no other waiting", async () => {
  await using line = await openLine({ prefetch: 2 });
  const { intake } = line;
  await intake.register("handbook", "https://example.org/handbook");
  line.run();
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  const poison: [unknown, RegExp][] = [
    [Buffer.from("{"), /not JSON/],
    [Buffer.from([0xff, 0xfe, 0x00]), /not JSON in UTF-8/],
    [Buffer.from(""), /not JSON/],
    [{ type: "something-else", repository: "handbook" }, /type/],
    [{ type: "repository-branch-updated" }, /repository/],
    [updated("handbook", "a\0b"), /NUL/],
    [{ ...updated("handbook"), oid: "main" }, /40 or 64/],
    [Buffer.alloc(70_000, " "), /larger than 65536 bytes/],
  ];
  for (const [n, [message]] of poison.entries()) line.send(message, `poison-${n}`);
  line.send(updated("handbook"), "good");
  await expect.poll(async () => (await deliveries(intake)).length, PATIENT).toBe(poison.length + 1);
  // Those that came together are stored in the order of their names.
  const rows = new Map((await deliveries(intake)).map((row) => [row["delivery"], row]));
  for (const [n, [, reason]] of poison.entries()) {
    expect(rows.get(`poison-${n}`)).toMatchObject({ outcome: "invalid" });
    expect(rows.get(`poison-${n}`)?.["reason"]).toMatch(reason);
  }
  expect(rows.get("good")).toMatchObject({ outcome: "pending" });
  await expect
    .poll(async () => [await line.depth(line.queue), await line.depth(deadName(line.queue))], PATIENT)
    .toEqual([0, poison.length]);
  expect(await intake.metric('headstart_worker_amqp_messages_total{outcome="invalid"}')).toBe(poison.length);
  // Whoever looks at them finds them as they were sent.
  const laidAside = await line.channel.get(deadName(line.queue), { noAck: true });
  expect(laidAside && [String(laidAside.content), laidAside.properties.messageId]).toEqual(["{", "poison-0"]);
});

test("a worker holds no more messages than it may, and gives none back while the database is away", async () => {
  await using line = await openLine({ prefetch: 5 });
  const { intake } = line;
  const stop = line.run();
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  await intake.db.query("alter table headstart_worker.deliveries rename to away");
  for (let n = 0; n < 20; n += 1) line.send(updated("handbook"), `m-${n}`);
  const held = async (): Promise<string> => {
    const lines = await broker.control(
      "list_queues",
      "name",
      "messages_ready",
      "messages_unacknowledged",
      "--no-table-headers",
    );
    return (
      lines
        .split("\n")
        .find((one) => one.startsWith(`${line.queue}\t`))
        ?.split("\t")
        .slice(1)
        .join("+") ?? ""
    );
  };
  await expect.poll(held, PATIENT).toBe("15+5");
  await expect
    .poll(() => intake.context.loops.report().find(({ loop }) => loop === "amqp-take")?.healthy, PATIENT)
    .toBe(false);
  await intake.db.query("alter table headstart_worker.away rename to deliveries");
  await expect.poll(async () => (await deliveries(intake)).length, PATIENT).toBe(20);
  await expect.poll(held, PATIENT).toBe("0+0");
  expect(await line.depth(deadName(line.queue))).toBe(0);
  const began = performance.now();
  await stop();
  expect(performance.now() - began).toBeLessThan(5_000);
});

/** Writes events as the materializer does, for branches that no git server needs to have. */
async function writeEvents(intake: Intake, branches: number, each: number): Promise<void> {
  await intake.db.query(
    `insert into headstart_materializer.branches (repository_id, ref, class, desired_seq)
     select r.id, 'refs/heads/drafts/' || n, 'draft', 1
     from headstart_materializer.repositories r, generate_series(1, $1) n on conflict do nothing`,
    [branches],
  );
  await intake.db.query(
    `with moved as (
       update headstart_materializer.branches set event_position = event_position + $1 returning id, ref, event_position
     ), queued as (
       insert into headstart_materializer.consumer_queue (consumer, branch_id)
       select c.name, m.id from moved m, headstart_materializer.consumers c on conflict do nothing
     )
     insert into headstart_materializer.events (branch_id, position, type, message)
     select m.id, p, 'branch-materialized', jsonb_build_object('type', 'version-updated', 'event', 'branch-materialized',
       'repository', 'hand.book', 'branch', m.ref, 'class', 'draft', 'incarnation', 1, 'position', p,
       'at', '2026-03-01T12:00:00.000Z')
     from moved m, generate_series(m.event_position - $1 + 1, m.event_position) p`,
    [each],
  );
}

interface Heard {
  readonly byBranch: Map<string, number[]>;
  readonly messages: ConsumeMessage[];
  /** Different events. */
  total(): number;
  /** Listens by one more channel. */
  by(channel: Channel): Promise<void>;
}

/** Listens on the exchange with a queue of its own, which keeps what comes while nobody listens. */
async function listen(line: Line, pattern = "version-updated.#"): Promise<Heard> {
  const queue = `heard.${line.exchange}`;
  const byBranch = new Map<string, number[]>();
  const messages: ConsumeMessage[] = [];
  const by = async (channel: Channel): Promise<void> => {
    await channel.consume(queue, (message) => {
      if (message === null) return;
      const { branch, position } = JSON.parse(String(message.content)) as {
        branch: string;
        position: number;
      };
      byBranch.set(branch, [...(byBranch.get(branch) ?? []), position]);
      messages.push(message);
      channel.ack(message);
    });
  };
  await line.channel.assertExchange(line.exchange, "topic", { durable: true });
  await line.channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
  await line.channel.bindQueue(queue, line.exchange, pattern);
  await by(line.channel);
  const total = (): number =>
    [...byBranch.values()].reduce((sum, positions) => sum + new Set(positions).size, 0);
  return { byBranch, messages, total, by };
}

/** Every position was heard, and each for the first time after all before it. */
function expectInOrder(heard: Heard, branches: number, each: number): void {
  expect(heard.byBranch.size).toBe(branches);
  for (const positions of heard.byBranch.values())
    expect([...new Set(positions)]).toEqual(Array.from({ length: each }, (_, n) => n + 1));
}

test("events are published in each branch's order, by two workers that share them, to whoever binds to a repository", async () => {
  await using line = await openLine();
  const { intake } = line;
  await intake.register("hand.book", "https://example.org/handbook");
  const heard = await listen(line, "version-updated.hand%2Ebook.*");
  await writeEvents(intake, 20, 10);
  const other = intake.another();
  line.run();
  line.run(other);
  await expect.poll(() => heard.total(), PATIENT).toBe(200);
  expectInOrder(heard, 20, 10);
  expect(heard.messages).toHaveLength(200);
  expect(new Set(heard.messages.map(({ properties }) => String(properties.messageId))).size).toBe(200);
  expect(heard.messages[0]?.properties).toMatchObject({
    deliveryMode: 2,
    contentType: "application/json",
    type: "version-updated",
    headers: { event: "branch-materialized", class: "draft" },
  });
  expect(heard.messages[0]?.fields.routingKey).toMatch(/^version-updated\.hand%2Ebook\.drafts\/\d+$/);
  // A notification saves waiting; here the bell is rung by hand.
  await writeEvents(intake, 20, 1);
  intake.context.bells.events.ring();
  await expect.poll(() => heard.total(), PATIENT).toBe(220);
});

test("a broker that is short of memory takes no events, and its messages are taken all the same", async () => {
  await using line = await openLine();
  const { intake } = line;
  await intake.register("hand.book", "https://example.org/handbook");
  const heard = await listen(line);
  await declareTopology(line.channel, intake.context.config.amqp as AmqpConfig);
  for (let n = 0; n < 1_000; n += 1) line.send(updated("hand.book"), `m-${n}`);
  await expect.poll(async () => await line.depth(line.queue), PATIENT).toBe(1_000);
  await writeEvents(intake, 10, 1);
  await broker.control("set_vm_memory_high_watermark", "0.0000001");
  try {
    line.run();
    await expect.poll(async () => (await deliveries(intake)).length, PATIENT).toBe(1_000);
    await expect.poll(async () => await line.depth(line.queue), PATIENT).toBe(0);
    const publishing = () => intake.context.loops.report().find(({ loop }) => loop === "amqp-publish");
    await expect.poll(() => publishing()?.healthy, PATIENT).toBe(false);
    expect(publishing()?.lastError).toContain("confirmed nothing");
    expect(heard.total()).toBe(0);
  } finally {
    await broker.control("set_vm_memory_high_watermark", "0.4");
  }
  await expect.poll(() => heard.total(), PATIENT).toBe(10);
  expectInOrder(heard, 10, 1);
});

test("a broker that confirms slowly is sent as much as it can take, and does not keep a worker from ending", async () => {
  await using proxy = await openMuteProxy(broker.url);
  await using line = await openLine({ url: proxy.url });
  const { intake } = line;
  await intake.register("hand.book", "https://example.org/handbook");
  const heard = await listen(line);
  await writeEvents(intake, 1, 20);
  // Six seconds of confirmations, in a database that ends transactions that are idle for half of that.
  proxy.delayMs = 300;
  const options = "-c idle_in_transaction_session_timeout=3000";
  const db = new pg.Pool({ ...intake.db.options, options });
  db.on("error", () => undefined);
  const materializer = createMaterializer({ db, projectors: [], mirrors: { root: "/nonexistent" } });
  try {
    const stop = line.run({ ...intake.context, db, materializer });
    const acknowledged = async (): Promise<unknown> => {
      const { rows } = await intake.db.query<{ position: number }>(
        "select position::int from headstart_materializer.consumer_positions",
      );
      return rows[0]?.position;
    };
    await expect.poll(acknowledged, PATIENT).toBe(20);
    proxy.delayMs = 1_000;
    await writeEvents(intake, 1, 40);
    intake.context.bells.events.ring();
    await expect.poll(() => heard.total(), PATIENT).toBeGreaterThan(20);
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(heard.total()).toBeLessThan(60);
  } finally {
    await materializer[Symbol.asyncDispose]();
    await db.end();
  }
  proxy.delayMs = 0;
  line.run(intake.another());
  await expect.poll(() => heard.total(), PATIENT).toBe(60);
  expectInOrder(heard, 1, 60);
});

test("a lost channel is opened again, and so is a queue that somebody removed", async () => {
  await using line = await openLine();
  const { intake } = line;
  await intake.register("handbook", "https://example.org/handbook");
  line.run();
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  await line.channel.deleteQueue(line.queue);
  await expect.poll(async () => await line.depth(line.queue), PATIENT).toBe(0);
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  line.send(updated("handbook"), "after");
  await expect.poll(async () => (await deliveries(intake)).length, PATIENT).toBe(1);
  await broker.control("close_all_connections", "somebody pulled the plug");
  await expect
    .poll(
      async () => (await intake.metric('headstart_worker_loop_failures_total{loop="amqp"}')) ?? 0,
      PATIENT,
    )
    .toBeGreaterThanOrEqual(2);
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  expect(intake.logged.join("")).toContain("loop.failed");
});

test("a broker that refuses the login is said to, without the password, and tried again", async () => {
  await using intake = await openIntake({
    environment: { AMQP: broker.url.replace(broker.password, "wrong-password-41d8") },
    amqp: { url: { env: "AMQP" } },
  });
  const end = new AbortController();
  const running = runAmqp(intake.context, end.signal);
  await expect
    .poll(
      async () => (await intake.metric('headstart_worker_loop_failures_total{loop="amqp"}')) ?? 0,
      PATIENT,
    )
    .toBeGreaterThanOrEqual(2);
  end.abort();
  await running;
  const log = intake.logged.join("");
  expect(log).toContain("ACCESS_REFUSED");
  expect(log).not.toContain("wrong-password-41d8");
  expect(JSON.stringify(intake.context.loops.report())).not.toContain("wrong-password-41d8");
});

test("a broker that is restarted in mid-load, in peace and then by SIGKILL, loses nothing, in or out", async () => {
  await using line = await openLine({ prefetch: 10 });
  const { intake } = line;
  await intake.register("hand.book", "https://example.org/handbook");
  const other = intake.another();
  line.run();
  line.run(other);
  await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
  const heard = await listen(line);
  const confirmed = new Set<string>();
  const connections: ChannelModel[] = [];
  const taken = async (): Promise<Set<unknown>> =>
    new Set((await deliveries(intake)).map(({ delivery }) => delivery));
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const before = (await taken()).size;
    await writeEvents(intake, 10, 50);
    await sendMany(line, { prefix: signal, confirmed });
    await expect.poll(async () => (await taken()).size, PATIENT).toBeGreaterThan(before + 20);
    await broker.stop(signal);
    await writeEvents(intake, 10, 10);
    await broker.start();
    const again = await broker.connect();
    connections.push(again);
    await heard.by(await again.createChannel());
    await expect.poll(async () => await isConnected(intake.context), PATIENT).toBe(true);
    await expect.poll(async () => await isConnected(other), PATIENT).toBe(true);
  }
  const missing = async (): Promise<string[]> => {
    const known = await taken();
    return [...confirmed].filter((id) => !known.has(id));
  };
  await expect.poll(missing, PATIENT).toEqual([]);
  expect(confirmed.size).toBeGreaterThan(40);
  await expect.poll(() => heard.total(), PATIENT).toBe(1_200);
  expectInOrder(heard, 10, 120);
  await expect.poll(async () => await line.depth(line.queue), PATIENT).toBe(0);
  expect(await line.depth(deadName(line.queue))).toBe(0);
  for (const connection of connections) await connection.close().catch(() => undefined);
});

/** Sends 400 messages without waiting, and notes those that the broker has confirmed. */
async function sendMany(
  line: Line,
  { prefix, confirmed }: { prefix: string; confirmed: Set<string> },
): Promise<void> {
  const channel = await (await broker.connect()).createConfirmChannel();
  channel.on("error", () => undefined);
  const body = Buffer.from(JSON.stringify(updated("hand.book")));
  for (let n = 0; n < 400; n += 1) {
    const messageId = `${prefix}-${n}`;
    const options = { persistent: true, messageId };
    channel.publish(line.exchange, "repository-branch-updated", body, options, (error) => {
      if (error === null || error === undefined) confirmed.add(messageId);
    });
  }
}

plain("without amqp in the configuration nothing is connected", async () => {
  await using intake = await openIntake();
  await runAmqp(intake.context, new AbortController().signal);
  expect(intake.context.loops.report()).toEqual([]);
});
