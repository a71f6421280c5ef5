import type { LoadedConfig } from "../config/load-config.ts";
import type { Secrets } from "../config/secrets.ts";
import type { Log } from "../log.ts";
import { createBell } from "../loops/bell.ts";
import { createBuilds, type Builds } from "../loops/builds.ts";
import { createConcurrency } from "../loops/concurrency.ts";
import type { Beating } from "../loops/heartbeat.ts";
import { createLoopBoard } from "../loops/loop-board.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { openMaterializer } from "../open-materializer.ts";
import type { WorkerContext } from "../worker-context.ts";

export interface WorkerOptions {
  readonly loaded: LoadedConfig;
  readonly secrets: Secrets;
  readonly log: Log;
  readonly version: string;
  /** Names it in leases. */
  readonly worker: string;
}

/** Everything that the parts of a worker share. Disposal ends its git processes and connections. */
export interface OpenedWorker extends AsyncDisposable {
  readonly context: WorkerContext;
  readonly builds: Builds;
  readonly beating: Beating;
}

export async function openWorker(
  { loaded, secrets, log, version, worker }: WorkerOptions,
  ending: AbortSignal,
): Promise<OpenedWorker> {
  const { config } = loaded;
  const opened = await openMaterializer(config, { worker, secrets, log });
  const { materializer, db } = opened;
  const metrics = createMetrics();
  const loops = createLoopBoard({ log, metrics });
  const bells = { hints: createBell(), events: createBell(), deliveries: createBell() };
  const concurrency = createConcurrency(config.reconcile.concurrency, {
    db,
    log,
    metrics,
    bell: bells.hints,
  });
  const builds = createBuilds(metrics);
  const context: WorkerContext = {
    db,
    materializer,
    config,
    secrets,
    log,
    metrics,
    loops,
    bells,
    concurrency,
    worker,
    ending,
  };
  return {
    context,
    builds,
    beating: { ...context, builds, version, startedAt: new Date() },
    [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose](),
  };
}
