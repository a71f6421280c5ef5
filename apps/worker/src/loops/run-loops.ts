import type { WorkerContext } from "../worker-context.ts";
import { runAudit } from "./audit.ts";
import type { Builds } from "./builds.ts";
import { runListener } from "./listen.ts";
import { runMaterializing } from "./materialize-loop.ts";
import { runRetention } from "./retention.ts";

/** Observes, builds, audits, removes and listens until the signal aborts; then nothing of it is left. Never rejects. */
export async function runLoops(context: WorkerContext, builds: Builds, signal: AbortSignal): Promise<void> {
  await Promise.all([
    runListener(context, signal),
    runMaterializing({ ...context, builds }, signal),
    runAudit(context, signal),
    runRetention(context, signal),
  ]);
}
