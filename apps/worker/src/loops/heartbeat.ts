import { hostname } from "node:os";
import { beat, HEARTBEAT_MS } from "../database/workers.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { Builds } from "./builds.ts";
import { runLoop } from "./run-loop.ts";

export type Beating = Pick<WorkerContext, "db" | "worker" | "concurrency" | "loops" | "ending"> & {
  readonly builds: Builds;
  readonly version: string;
  readonly startedAt: Date;
};

/** Says in the database that this worker is alive, until the signal aborts. */
export async function runHeartbeat(context: Beating, signal: AbortSignal): Promise<void> {
  await runLoop(context, signal, {
    loop: "heartbeat",
    everyMs: HEARTBEAT_MS,
    silentMs: 5 * 60_000,
    turn: async () => await beatNow(context),
  });
}

/** Says it at once: that the worker is ending, for instance. */
export async function beatNow({
  db,
  worker,
  concurrency,
  loops,
  ending,
  builds,
  version,
  startedAt,
}: Beating): Promise<void> {
  await beat(db, {
    id: worker,
    host: hostname(),
    pid: process.pid,
    version,
    startedAt,
    concurrency: concurrency.current,
    building: builds.running.length,
    draining: ending.aborted,
    failingLoops: loops.report().flatMap(({ loop, healthy }) => (healthy ? [] : [loop])),
  });
}
