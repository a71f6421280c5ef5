import type { Materializer } from "@headstart/materializer";
import type pg from "pg";
import type { WorkerConfig } from "./config/config-schema.ts";
import type { Secrets } from "./config/secrets.ts";
import type { Log } from "./log.ts";
import type { Bell } from "./loops/bell.ts";
import type { Concurrency } from "./loops/concurrency.ts";
import type { LoopBoard } from "./loops/loop-board.ts";
import type { Metrics } from "./metrics/metrics.ts";

/** What every part gets. */
export interface WorkerContext {
  readonly db: pg.Pool;
  readonly materializer: Materializer;
  readonly config: WorkerConfig;
  readonly secrets: Secrets;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where parts that run for ever say how they fare. */
  readonly loops: LoopBoard;
  /** Rung by notifications of the database, and by parts of this process. */
  readonly bells: Bells;
  readonly concurrency: Concurrency;
  /** Host name and process, as in leases and in `headstart_worker.workers`. */
  readonly worker: string;
  /** Aborts when the worker begins to end: nothing new is begun, and streams that stay open are closed. */
  readonly ending: AbortSignal;
}

export interface Bells {
  /** A repository may have moved, or a branch may be due. */
  readonly hints: Bell;
  /** The materializer has written events. */
  readonly events: Bell;
  /** A delivery waits to be applied. */
  readonly deliveries: Bell;
}
