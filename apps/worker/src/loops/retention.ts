import { forgetDeliveries } from "../database/forget-deliveries.ts";
import { forgetWorkers } from "../database/workers.ts";
import type { WorkerContext } from "../worker-context.ts";
import { runLoop } from "./run-loop.ts";

type Retaining = Pick<WorkerContext, "db" | "materializer" | "config" | "loops" | "log">;

/** Removes what nobody needs any more: content, old deliveries, workers that died. */
export async function runRetention(context: Retaining, signal: AbortSignal): Promise<void> {
  const { db, materializer, config, log } = context;
  const { everyMs, deliveriesMs, workersMs } = config.retention;
  await runLoop(context, signal, {
    loop: "retention",
    everyMs,
    silentMs: Math.max(6 * everyMs, 60 * 60_000),
    turn: async () => {
      const content = await materializer.retain({ signal });
      const deliveries = await forgetDeliveries(db, { afterMs: deliveriesMs, signal });
      const workers = await forgetWorkers(db, workersMs);
      const removed = { ...content, deliveries, workers };
      if (Object.values(removed).some((count) => count > 0)) log.info("retention.removed", removed);
    },
  });
}
