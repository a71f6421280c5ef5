import { runLoop } from "../loops/run-loop.ts";
import type { WorkerContext } from "../worker-context.ts";
import { applyDeliveries } from "./apply-deliveries.ts";
import { deliveryMetrics } from "./delivery-metrics.ts";

/** Deliveries that are applied in one transaction. */
const AT_ONCE = 100;

/** Applies deliveries until the signal aborts; the bell only saves waiting. */
export async function runDeliveries(context: WorkerContext, signal: AbortSignal): Promise<void> {
  const { db, bells, log } = context;
  const metrics = deliveryMetrics(context.metrics.registry, db);
  await runLoop(context, signal, {
    loop: "deliveries",
    everyMs: 1_000,
    bell: bells.deliveries,
    turn: async () => {
      const { settled, failed } = await applyDeliveries(db, AT_ONCE);
      for (const { outcome, waitedSeconds } of settled) {
        metrics.settled.inc({ outcome });
        metrics.waited.observe(waitedSeconds);
      }
      if (failed > 0) {
        metrics.settled.inc({ outcome: "failed-try" }, failed);
        log.warn("deliveries.failed", { failed });
      }
      if (settled.length > 0) bells.hints.ring();
      return settled.length + failed > 0;
    },
  });
}
