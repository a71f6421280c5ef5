import { createHash } from "node:crypto";
import type { VersionUpdated } from "@headstart/materializer";
import type { ConfirmChannel } from "amqplib";
import { runLoop } from "../loops/run-loop.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AmqpConfig } from "./amqp-config.ts";
import type { AmqpMetrics } from "./amqp-metrics.ts";
import { routingKey } from "./routing-key.ts";

/** Events in one transaction: as many of a branch come twice at most when a worker dies. It ends before the worker does. */
const AT_ONCE = 50;

/** A broker that is out of memory or disk confirms nothing until it is well. */
const CONFIRM_MS = 10_000;

interface Publishing {
  readonly channel: ConfirmChannel;
  readonly config: AmqpConfig;
  readonly metrics: AmqpMetrics;
}

/**
 * Publishes the materializer's events until the signal aborts: those of a branch in order, and each until the broker
 * has confirmed it. All workers are one consumer and share the branches. After a crash an event may come twice, with
 * the same `messageId` and the same `position`.
 */
export async function publishVersions(
  context: WorkerContext,
  { channel, config, metrics }: Publishing,
  signal: AbortSignal,
): Promise<void> {
  await runLoop(context, signal, {
    loop: "amqp-publish",
    everyMs: 1_000,
    bell: context.bells.events,
    turn: async () => {
      const handled = await context.materializer.consume({
        consumer: `amqp:${config.exchange}`,
        limit: AT_ONCE,
        handler: async (message) => {
          await publish(channel, config.exchange, message);
          metrics.published.inc();
        },
      });
      return handled > 0;
    },
  });
}

async function publish(channel: ConfirmChannel, exchange: string, message: VersionUpdated): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const options = {
    persistent: true,
    contentType: "application/json",
    type: message.type,
    messageId: messageId(message),
    timestamp: Math.floor(Date.parse(message.at) / 1000),
    headers: { event: message.event, class: message.class },
  };
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`The broker confirmed nothing within ${CONFIRM_MS} ms.`)),
        CONFIRM_MS,
      );
      channel.publish(
        exchange,
        routingKey(message),
        Buffer.from(JSON.stringify(message)),
        options,
        (error) => (error === null || error === undefined ? resolve() : reject(error as Error)),
      );
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The same whoever publishes the event; a short string, so the names go in as a digest. */
function messageId({ repository, branch, position, at }: VersionUpdated): string {
  return createHash("sha256")
    .update(JSON.stringify([repository, branch, position, at]))
    .digest("hex");
}
