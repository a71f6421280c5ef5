import type { Sessions } from "../database/sessions.ts";
import { pause } from "../loops/pause.ts";
import type { WorkerContext } from "../worker-context.ts";

/** A query that takes longer than this keeps the worker from ending, in milliseconds. */
const LATE_MS = 2_000;
const EVERY_MS = 1_000;

/** While the worker ends, cancels what its sessions still wait for, a lock for instance. Never rejects. */
export async function cancelLateQueries(
  { config, secrets, worker, log }: Pick<WorkerContext, "config" | "secrets" | "worker" | "log">,
  sessions: Sessions,
  finished: AbortSignal,
): Promise<void> {
  await pause(LATE_MS, finished);
  while (!finished.aborted) {
    try {
      const url = await secrets.read(config.database);
      const cancelled = await sessions.cancelQueries({ url, worker, olderThanMs: LATE_MS });
      if (cancelled > 0) log.warn("database.queries-cancelled", { cancelled });
    } catch (error) {
      log.warn("database.queries-left", { error });
    }
    await pause(EVERY_MS, finished);
  }
}
