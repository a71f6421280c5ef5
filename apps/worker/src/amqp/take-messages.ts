import type { Channel, ConsumeMessage } from "amqplib";
import { recordDeliveries } from "../deliveries/record-deliveries.ts";
import { createBell } from "../loops/bell.ts";
import { runLoop } from "../loops/run-loop.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AmqpConfig } from "./amqp-config.ts";
import type { AmqpMetrics } from "./amqp-metrics.ts";
import { readMessage } from "./read-message.ts";

interface Taking {
  readonly channel: Channel;
  readonly config: AmqpConfig;
  readonly metrics: AmqpMetrics;
  /** The broker took the queue away. */
  readonly cancelled: () => void;
}

/**
 * Takes messages until the signal aborts. Each is acknowledged once it is durable as a delivery, so a worker that dies
 * leaves it to another. While the database is away messages are held, at most `prefetch` of them, and not given back:
 * nothing would come of them elsewhere either.
 */
export async function takeMessages(
  context: WorkerContext,
  { channel, config, metrics, cancelled }: Taking,
  signal: AbortSignal,
): Promise<void> {
  const held: ConsumeMessage[] = [];
  const arrived = createBell();
  await channel.prefetch(config.prefetch);
  const { consumerTag } = await channel.consume(config.queue, (message) => {
    if (message === null) return cancelled();
    held.push(message);
    arrived.ring();
  });
  const turn = async (): Promise<boolean> => {
    const batch = held.slice(0, config.prefetch);
    if (batch.length === 0) return false;
    await settle(context, { channel, metrics }, batch);
    held.splice(0, batch.length);
    return held.length > 0;
  };
  await runLoop(context, signal, { loop: "amqp-take", everyMs: 1_000, bell: arrived, turn });
  // What is left goes back to the queue when the channel closes.
  await channel.cancel(consumerTag).catch(() => undefined);
}

async function settle(
  { db, bells }: WorkerContext,
  { channel, metrics }: Pick<Taking, "channel" | "metrics">,
  messages: readonly ConsumeMessage[],
): Promise<void> {
  const deliveries = messages.map(readMessage);
  const recorded = await recordDeliveries(db, deliveries);
  for (const [index, message] of messages.entries()) {
    const invalid = deliveries[index]?.outcome === "invalid";
    metrics.messages.inc({ outcome: invalid ? "invalid" : (recorded[index] ?? "repeated") });
    if (invalid) channel.reject(message, false);
    else channel.ack(message);
  }
  bells.deliveries.ring();
}
