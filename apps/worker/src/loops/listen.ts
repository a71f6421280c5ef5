import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { configureSession, connectionOptions } from "../database/open-pool.ts";
import type { WorkerContext } from "../worker-context.ts";
import { channels } from "./channels.ts";
import { runLoop } from "./run-loop.ts";

/** How often the connection is asked whether it is still there, in milliseconds. */
const PROBE_MS = 20_000;
/** How long it may take to answer: a network that was cut says nothing. */
const ANSWER_MS = 10_000;
const CLOSE_MS = 1_000;

type Listening = Pick<WorkerContext, "loops" | "bells" | "config" | "secrets" | "worker">;

/**
 * Rings the bells at notifications, over a connection of its own that is opened again whenever it is lost. Then all
 * bells ring once: nobody knows what was announced meanwhile. Nothing depends on it but time, since all who wait for
 * a bell look by themselves after a while.
 */
export async function runListener(context: Listening, signal: AbortSignal): Promise<void> {
  await runLoop(context, signal, {
    loop: "listen",
    everyMs: 0,
    turn: async () => await listen(context, signal),
  });
}

/** Listens until the signal aborts; throws when the connection is lost. */
async function listen(
  { loops, bells, config, secrets, worker }: Listening,
  signal: AbortSignal,
): Promise<void> {
  const url = await secrets.read(config.database);
  const client = new pg.Client({ ...connectionOptions(url, worker), query_timeout: ANSWER_MS });
  const over = new AbortController();
  const end = (reason?: unknown): void => over.abort(reason);
  client.on("error", end);
  client.on("end", () => end(new Error("The connection that listens was closed.")));
  client.on("notification", ({ channel }) => {
    const bell = channels.get(channel);
    if (bell !== undefined) bells[bell].ring();
  });
  const ended = (): void => end();
  signal.addEventListener("abort", ended, { once: true });
  const answered = (): void => {
    // Hours may pass without a notification: the probe is what tells silence from a loop that is stuck.
    if (!signal.aborted) loops.alive("listen");
  };
  const probe = setInterval(() => void client.query("select").then(answered, end), PROBE_MS);
  try {
    await client.connect();
    await configureSession(client);
    for (const channel of channels.keys()) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    for (const bell of Object.values(bells)) bell.ring();
    loops.turned("listen");
    if (!over.signal.aborted && !signal.aborted) await once(over.signal, "abort");
  } finally {
    clearInterval(probe);
    signal.removeEventListener("abort", ended);
    await close(client);
  }
  if (!signal.aborted) throw over.signal.reason;
}

/** Without waiting for long: the server may be gone. */
async function close(client: pg.Client): Promise<void> {
  client.removeAllListeners("end");
  const over = new AbortController();
  const closed = client.end().catch(() => undefined);
  await Promise.race([closed, delay(CLOSE_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
}
