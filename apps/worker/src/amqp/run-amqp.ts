import type { Channel, ChannelModel } from "amqplib";
import { backoffMs } from "../loops/backoff.ts";
import { pause } from "../loops/pause.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AmqpConfig } from "./amqp-config.ts";
import { amqpMetrics, type AmqpMetrics } from "./amqp-metrics.ts";
import { connectBroker } from "./connect-broker.ts";
import { publishVersions } from "./publish-versions.ts";
import { takeMessages } from "./take-messages.ts";
import { declareTopology } from "./topology.ts";

const LOOP = "amqp";
const CLOSE_MS = 3_000;

/**
 * Takes messages from RabbitMQ and publishes events to it until the signal aborts; connects again whenever a connection
 * or a channel is lost. Without `amqp` in the configuration it does nothing. Never rejects.
 */
export async function runAmqp(context: WorkerContext, signal: AbortSignal): Promise<void> {
  const {
    config,
    loops,
    log,
    metrics: { registry },
  } = context;
  if (config.amqp === undefined) return;
  const connection = { config: config.amqp, metrics: amqpMetrics(registry) };
  // Heartbeats tell a connection that is silent from one that is lost.
  loops.started(LOOP, Number.POSITIVE_INFINITY);
  for (let failures = 0; !signal.aborted;) {
    try {
      await connected(context, connection, {
        signal,
        established: () => {
          failures = 0;
          loops.turned(LOOP);
          log.info("amqp.connected", {});
        },
      });
    } catch (error) {
      if (signal.aborted) break;
      failures += 1;
      loops.failed(LOOP, error);
      await pause(backoffMs(failures), signal);
    }
  }
  loops.ended(LOOP);
}

/**
 * Two connections, from their opening to the end of either; throws what ended them, unless that was the signal. While a
 * broker is short of memory or disk it reads nothing from a connection that publishes, so acknowledgements go by the
 * other one. https://www.rabbitmq.com/docs/alarms
 */
async function connected(
  context: WorkerContext,
  { config, metrics }: { config: AmqpConfig; metrics: AmqpMetrics },
  { signal, established }: { signal: AbortSignal; established: () => void },
): Promise<void> {
  const url = await context.secrets.read(config.url);
  const over = new AbortController();
  const end = (reason: unknown): void => over.abort(reason);
  const lost = (what: string) => (): void => end(new Error(`${what} was closed.`));
  const open: ChannelModel[] = [];
  const connectTo = async (purpose: string): Promise<ChannelModel> => {
    const broker = await connectBroker(url, `headstart-worker ${context.worker} ${purpose}`);
    open.push(broker);
    broker.on("error", end);
    broker.on("close", lost("The connection to the broker"));
    return broker;
  };
  const watch = <T extends Channel>(channel: T): T => {
    channel.on("error", end);
    channel.on("close", lost("A channel to the broker"));
    return channel;
  };
  const ended = (): void => end(signal.reason);
  signal.addEventListener("abort", ended, { once: true });
  try {
    const [taker, publisher] = [await connectTo("takes"), await connectTo("publishes")];
    if (signal.aborted) return;
    const taking = watch(await taker.createChannel());
    const publishing = watch(await publisher.createConfirmChannel());
    await declareTopology(taking, config);
    established();
    metrics.connected.set(1);
    await Promise.all([
      takeMessages(
        context,
        { channel: taking, config, metrics, cancelled: lost("The queue") },
        over.signal,
      ).catch(end),
      publishVersions(context, { channel: publishing, config, metrics }, over.signal).catch(end),
    ]);
    if (signal.aborted) await Promise.all([closed(taking), closed(publishing)]);
  } finally {
    metrics.connected.set(0);
    signal.removeEventListener("abort", ended);
    await Promise.all(open.map(closed));
  }
  if (!signal.aborted) throw over.signal.reason;
}

/** Closes in peace, which flushes acknowledgements, but does not wait for a broker that is gone. */
async function closed(open: { close(): Promise<void> }): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([open.close().catch(() => undefined), late]);
  clearTimeout(timer);
}
