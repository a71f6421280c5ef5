import { createHash } from "node:crypto";
import type { VersionUpdated } from "@headstart/materializer";
import type { ConfirmChannel } from "amqplib";
import { runLoop } from "../loops/run-loop.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AmqpConfig } from "./amqp-config.ts";
import type { AmqpMetrics } from "./amqp-metrics.ts";
import { routingKey } from "./routing-key.ts";

/** Events in one turn at most: as many of a branch come twice when a worker dies. */
const AT_ONCE = 50;

/**
 * How long a turn is meant to take, in milliseconds. Its events are as many as the broker confirmed in that time before,
 * since a branch's are one transaction, which the database ends when it is idle for long.
 */
const TURN_MS = 1_000;

/** A broker that is out of memory or disk confirms nothing until it is well. */
const CONFIRM_MS = 10_000;

/** How much longer a turn may take once it is to end; what is not confirmed by then comes again from another worker. */
const ENDING_MS = 2_000;

interface Publishing {
  readonly channel: ConfirmChannel;
  readonly config: AmqpConfig;
  readonly metrics: AmqpMetrics;
}

/**
 * Publishes the materializer's events until the signal aborts: those of a branch in order, and each until the broker
 * has confirmed it. All workers are one consumer and share the branches. After a crash, or when the broker was too slow,
 * an event may come twice, with the same `messageId` and the same `position`.
 */
export async function publishVersions(
  context: WorkerContext,
  { channel, config, metrics }: Publishing,
  signal: AbortSignal,
): Promise<void> {
  let limit = 1;
  await runLoop(context, signal, {
    loop: "amqp-publish",
    everyMs: 1_000,
    bell: context.bells.events,
    turn: async () => {
      const began = performance.now();
      let confirmed = 0;
      const until = limitTurn(signal, () => confirmed);
      try {
        const handled = await context.materializer.consume({
          consumer: `amqp:${config.exchange}`,
          limit,
          handler: async (message) => {
            await publish(channel, { exchange: config.exchange, message, over: until.over() });
            confirmed += 1;
            metrics.published.inc();
          },
        });
        const rate = handled / (performance.now() - began);
        if (handled > 0) limit = Math.min(Math.max(1, Math.floor(TURN_MS * rate)), AT_ONCE);
        return handled > 0;
      } catch (error) {
        limit = 1;
        throw error;
      } finally {
        until.clear();
      }
    },
  });
}

/** How long the broker may take with a turn: from its first event on, and less when the worker is to end. */
function limitTurn(
  signal: AbortSignal,
  confirmed: () => number,
): { readonly over: () => AbortSignal; readonly clear: () => void } {
  const over = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const endAfter = (ms: number): void => {
    const end = (): void => {
      const what = confirmed() === 0 ? "nothing" : `only ${confirmed()} events`;
      over.abort(new Error(`The broker confirmed ${what} within ${ms} ms.`));
    };
    timers.push(setTimeout(end, ms));
  };
  const ending = (): void => endAfter(ENDING_MS);
  if (signal.aborted) ending();
  signal.addEventListener("abort", ending, { once: true });
  let begun = false;
  return {
    over: () => {
      if (!begun) endAfter(CONFIRM_MS);
      begun = true;
      return over.signal;
    },
    clear: () => {
      signal.removeEventListener("abort", ending);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

interface Outgoing {
  readonly exchange: string;
  readonly message: VersionUpdated;
  /** Ends the wait for the broker's confirmation. */
  readonly over: AbortSignal;
}

async function publish(channel: ConfirmChannel, { exchange, message, over }: Outgoing): Promise<void> {
  const options = {
    persistent: true,
    contentType: "application/json",
    type: message.type,
    messageId: messageId(message),
    timestamp: Math.floor(Date.parse(message.at) / 1000),
    headers: { event: message.event, class: message.class },
  };
  over.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const end = (): void => reject(over.reason as Error);
    over.addEventListener("abort", end, { once: true });
    const body = Buffer.from(JSON.stringify(message));
    channel.publish(exchange, routingKey(message), body, options, (error) => {
      over.removeEventListener("abort", end);
      if (error === null || error === undefined) resolve();
      else reject(error as Error);
    });
  });
}

/** The same whoever publishes the event; a short string, so the names go in as a digest. */
function messageId({ repository, branch, position, at }: VersionUpdated): string {
  return createHash("sha256")
    .update(JSON.stringify([repository, branch, position, at]))
    .digest("hex");
}
