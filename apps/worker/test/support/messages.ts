import { randomUUID } from "node:crypto";
import { versionUpdated, type VersionUpdated } from "@headstart/materializer";
import type { ConfirmChannel } from "amqplib";
import { expect } from "vitest";
import type { Deployment } from "./deployment.ts";
import type { Broker } from "./rabbitmq.ts";
import { until } from "./until.ts";

const EXCHANGE = "headstart";
const QUEUE = "observed";
const CONFIRM_MS = 5_000;

/** Whoever announces pushes by message, and whoever wants to know of new versions. */
export interface Messages {
  /** Resolves once the broker is responsible for it. @throws when that is not known: no connection, for instance */
  send(repository: string, branch: string): Promise<void>;
  /** Asserts that each message the broker took was applied, and that each event of the materializer has come out. */
  expectNothingLost(deployment: Deployment): Promise<void>;
}

/** Declares the queue of the receiver; what is published from now on waits in it. */
export async function openMessages(broker: Broker): Promise<Messages> {
  const confirmed = new Set<string>();
  let open: Promise<ConfirmChannel> | undefined;
  const channel = async (): Promise<ConfirmChannel> => {
    open ??= openChannel(broker, () => (open = undefined));
    return await open.catch((error: unknown) => {
      open = undefined;
      throw error;
    });
  };
  await (await channel()).assertExchange(EXCHANGE, "topic", { durable: true });
  await (await channel()).assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });
  await (await channel()).bindQueue(QUEUE, EXCHANGE, "version-updated.#");
  return {
    send: async (repository, branch) => {
      const messageId = randomUUID();
      const message = { type: "repository-branch-updated", repository, branch, pushedBy: "ada" };
      await publish(await channel(), message, messageId);
      confirmed.add(messageId);
    },
    expectNothingLost: async (deployment) => {
      await until(async () => await isAllPublished(deployment), { what: "every event to be published" });
      const applied = await appliedMessages(deployment);
      expect(
        [...confirmed].filter((id) => !applied.has(id)),
        "messages that were forgotten",
      ).toEqual([]);
      const received = inOrder(await receiveAll(await channel()));
      expect(received, "events by branch, as they came out").toEqual(await eventCounts(deployment));
    },
  };
}

async function openChannel(broker: Broker, closed: () => void): Promise<ConfirmChannel> {
  const connection = await broker.connect();
  connection.on("close", closed);
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => undefined);
  return channel;
}

async function publish(channel: ConfirmChannel, message: object, messageId: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const confirmed = new Promise<void>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the broker did not confirm")), CONFIRM_MS);
    const options = { persistent: true, messageId, type: "repository-branch-updated" };
    // Mandatory would only tell of a queue that is not there; the workers have declared it.
    channel.publish(EXCHANGE, "repository-branch-updated", encode(message), options, (error) =>
      error === null || error === undefined ? resolve() : reject(error as Error),
    );
  });
  await confirmed.finally(() => clearTimeout(timer));
}

function encode(message: object): Buffer {
  return Buffer.from(JSON.stringify(message));
}

async function isAllPublished({ db }: Deployment): Promise<boolean> {
  const { rows } = await db.query<{ left: number }>(
    `select count(*)::int as left from headstart_materializer.branches b
     left join headstart_materializer.consumer_positions p on p.branch_id = b.id and p.consumer = 'amqp:' || $1
     where b.event_position > coalesce(p.position, 0)`,
    [EXCHANGE],
  );
  return rows[0]?.left === 0;
}

async function appliedMessages({ db }: Deployment): Promise<Set<string>> {
  const { rows } = await db.query<{ delivery: string }>(
    "select delivery from headstart_worker.deliveries where source = 'amqp' and outcome = 'applied'",
  );
  return new Set(rows.map(({ delivery }) => delivery));
}

async function receiveAll(channel: ConfirmChannel): Promise<VersionUpdated[]> {
  const received: VersionUpdated[] = [];
  for (;;) {
    const message = await channel.get(QUEUE, { noAck: true });
    if (message === false) return received;
    received.push(versionUpdated.parse(JSON.parse(message.content.toString())));
  }
}

/**
 * How far each branch's events came, without a gap and in order. A repeat is allowed: who dies between the broker's
 * confirmation and the database's commit publishes again.
 */
function inOrder(messages: readonly VersionUpdated[]): Record<string, number> {
  const positions = new Map<string, number>();
  for (const { repository, branch, position } of messages) {
    const name = `${repository} ${branch}`;
    const next = (positions.get(name) ?? 0) + 1;
    if (position > next) throw new Error(`event ${position} of ${name} came when ${next} was due`);
    if (position === next) positions.set(name, position);
  }
  return Object.fromEntries([...positions].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function eventCounts({ db }: Deployment): Promise<Record<string, number>> {
  const { rows } = await db.query<{ name: string; position: number }>(
    `select r.name || ' ' || b.ref as name, b.event_position::int as position
     from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id where b.event_position > 0`,
  );
  const sorted = rows.map(({ name, position }) => [name, position] as const);
  return Object.fromEntries(sorted.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
