import { setMaxListeners } from "node:events";
import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadedConfig } from "../config/load-config.ts";
import { trackSessions } from "../database/sessions.ts";
import { leave } from "../database/workers.ts";
import { closeServer, letConnectionsGo } from "../http/close-server.ts";
import { createServer } from "../http/create-server.ts";
import { healthRoutes } from "../http/health-routes.ts";
import { listenOn } from "../http/listen-on.ts";
import { metricsRoutes } from "../http/metrics-routes.ts";
import { beatNow, runHeartbeat } from "../loops/heartbeat.ts";
import { runLoops } from "../loops/run-loops.ts";
import { cancelLateQueries } from "./cancel-late-queries.ts";
import { checkMachine } from "./check-machine.ts";
import { createDrain, type Drain } from "./drain.ts";
import { openWorker, type OpenedWorker, type WorkerOptions } from "./open-worker.ts";
import { openParts, type Parts } from "./parts.ts";
import { prepareDatabase } from "./prepare-database.ts";
import type { Readiness } from "./readiness.ts";
import { reloadConfig } from "./reload-config.ts";
import { listenToSignals } from "./signals.ts";

/** How long a cancellation that is under way may take once nothing is left to be cancelled, in milliseconds. */
const LAST_WORD_MS = 1_000;

export interface RunOptions extends WorkerOptions {
  /** Reads the configuration again. */
  readonly load: () => Promise<LoadedConfig>;
}

interface Life {
  readonly opened: OpenedWorker;
  readonly parts: Parts;
  readonly readiness: Readiness;
  readonly server: Server;
  readonly drain: Drain;
}

/**
 * Runs the worker from its start until a signal has ended it and nothing of it is left.
 *
 * @throws WorkerError what kept it from starting, or `DRAIN_EXCEEDED`; anything else is a defect
 */
export async function runWorker({ load, ...options }: RunOptions): Promise<void> {
  const { log, loaded } = options;
  const ending = new AbortController();
  const hurry = new AbortController();
  // Every loop, build and page listens: as many as there is work.
  setMaxListeners(0, ending.signal);
  const opened = await openWorker(options, ending.signal);
  const readiness: Readiness = { state: "starting" };
  listenToSignals({
    onEnd: (signal) => {
      if (ending.signal.aborted) return hurry.abort();
      log.info("worker.ending", { signal, building: opened.builds.running.length });
      ending.abort();
    },
    onReload: () => void reloadConfig({ load, loaded, log, concurrency: opened.context.concurrency }),
  });
  const { context, builds } = opened;
  const parts = openParts(context);
  const health = healthRoutes({ readiness, loops: context.loops, db: context.db });
  const server = createServer(context, [health, metricsRoutes(context), ...parts.routes]);
  const drain = createDrain(log);
  const life = live({ opened, parts, readiness, server, drain }, ending);
  await drain.within(life, {
    from: ending.signal,
    hurry: hurry.signal,
    drainMs: loaded.config.drainMs,
    details: () => builds.running.map(({ repository, ref }) => `build of ${ref} of ${repository}`),
  });
  log.info("worker.ended");
}

async function live(life: Life, ending: AbortController): Promise<void> {
  const { opened, readiness, server, drain } = life;
  const { context } = opened;
  const sessions = trackSessions(context.db);
  const finished = new AbortController();
  let closing: Promise<void> | undefined;
  let cancelling: Promise<void> | undefined;
  let said: Promise<void> | undefined;
  const draining = (): void => {
    // Nobody sends to a worker that has never been ready.
    const lingerMs = readiness.state === "ready" ? context.config.http.lingerMs : 0;
    readiness.state = "draining";
    closing = drain.during("requests", lingerAndClose(server, lingerMs));
    cancelling = cancelLateQueries(context, sessions, finished.signal);
    if (readiness.present === true) said = beatNow(opened.beating).catch(() => undefined);
  };
  ending.signal.addEventListener("abort", draining, { once: true });
  try {
    await work(life, ending.signal);
  } finally {
    ending.abort();
    await closing;
    finished.abort();
    // What was cancelled has ended before whoever did it is told so.
    await Promise.race([cancelling, delay(LAST_WORD_MS)]);
    if (readiness.present === true) await drain.during("the worker's row", takeRowAway(context, said));
    await drain.during("git and connections", end(opened));
  }
}

async function work({ opened, parts, readiness, server, drain }: Life, ending: AbortSignal): Promise<void> {
  const { context, beating } = opened;
  await checkMachine(context.config.mirrors.directory);
  if (ending.aborted) return;
  const url = await listenOn(server, context.config.http);
  context.log.info("worker.listening", { url });
  await drain.during("preparation of the database", prepareDatabase(context, readiness));
  if (ending.aborted) return;
  Object.assign(readiness, { state: "ready", present: true });
  context.log.info("worker.ready", { concurrency: context.concurrency.current });
  await Promise.all([
    drain.during("observing and building", runLoops(opened.context, opened.builds, ending)),
    drain.during("heartbeat", runHeartbeat(beating, ending)),
    ...parts.loops.map(async ({ name, run }) => await drain.during(name, run(ending))),
  ]);
}

/** Load balancers need a while to notice that this worker is not ready any more. */
async function lingerAndClose(server: Server, lingerMs: number): Promise<void> {
  letConnectionsGo(server);
  await delay(lingerMs);
  await closeServer(server);
}

/** @param said what was still being written into the row: it must not come back after it is gone */
async function takeRowAway(
  { db, worker, log }: OpenedWorker["context"],
  said: Promise<void> | undefined,
): Promise<void> {
  await said;
  await leave(db, worker).catch((error: unknown) => log.warn("worker.row-left", { error }));
}

async function end(opened: OpenedWorker): Promise<void> {
  await opened[Symbol.asyncDispose]();
}
