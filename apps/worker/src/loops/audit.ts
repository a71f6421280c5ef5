import type { WorkerContext } from "../worker-context.ts";
import { runLoop } from "./run-loop.ts";

type Auditing = Pick<WorkerContext, "materializer" | "config" | "loops" | "metrics" | "log" | "bells">;

/** Verifies one branch after the other against git, the one first that was not verified for longest. */
export async function runAudit(context: Auditing, signal: AbortSignal): Promise<void> {
  const { materializer, config, metrics, log, bells } = context;
  const { everyMs } = config.audit;
  await runLoop(context, signal, {
    loop: "audit",
    everyMs,
    silentMs: Math.max(6 * everyMs, 60 * 60_000),
    turn: async () => {
      const verification = await materializer.audit({ signal });
      if (verification === undefined) return;
      const { differences, ...verified } = verification;
      metrics.audits.inc({ result: differences.length === 0 ? "equal" : "different" });
      if (differences.length === 0) return;
      log.error("audit.different", { ...verified, differences: differences.length, first: differences[0] });
      bells.hints.ring();
    },
  });
}
