import type { Lease, Materialized, Observation } from "@headstart/materializer";
import type { WorkerContext } from "../worker-context.ts";
import { backoffMs } from "./backoff.ts";
import type { Builds } from "./builds.ts";

/** Milliseconds between two looks for work that nobody announced. */
const IDLE_MS = 1_000;
/** A loop that finds nothing to say for this long is stuck, in milliseconds. */
const SILENT_MS = 15 * 60_000;
const LOOP = "materialize";

type Materializing = Pick<
  WorkerContext,
  "materializer" | "concurrency" | "config" | "bells" | "loops" | "metrics" | "log"
> & {
  readonly builds: Builds;
};

/** Observes what is due and builds what is due until the signal aborts. */
export async function runMaterializing(context: Materializing, signal: AbortSignal): Promise<void> {
  const { materializer, concurrency, bells, loops, builds, config } = context;
  const pacing = createPacing();
  loops.started(LOOP, Math.max(SILENT_MS, 2 * (config.mirrors.timeoutMs ?? 0)));
  await materializer.run({
    signal,
    concurrency: () => concurrency.current,
    observers: config.observe.concurrency,
    // Read before each pause.
    get idleMs() {
      return pacing.idleMs();
    },
    wake: async (over) => {
      if (pacing.calm()) loops.turned(LOOP);
      await bells.hints.next(over);
    },
    onError: (error) => {
      pacing.failed();
      loops.failed(LOOP, error);
    },
    onObserved: (repository, observation) => {
      loops.alive(LOOP);
      tellObserved(context, repository, observation);
    },
    onClaimed: (lease) => builds.started(lease),
    onMaterialized: (lease, result) => {
      loops.alive(LOOP);
      tellBuilt(context, lease, result);
    },
  });
  loops.ended(LOOP);
}

interface Pacing {
  idleMs(): number;
  failed(): void;
  /** Whether failures, if there were any, have ended: each of several loops would have failed again by now. */
  calm(): boolean;
}

/** Several loops look for work side by side and fail together when the database is away: that is one failure. */
function createPacing(): Pacing {
  let failures = 0;
  let failedAt = -Infinity;
  return {
    idleMs: () => (failures === 0 ? IDLE_MS : backoffMs(failures)),
    failed: () => {
      const now = performance.now();
      if (now - failedAt > backoffMs(failures, 0) / 2) failures += 1;
      failedAt = now;
    },
    calm: () => {
      const over = performance.now() - failedAt > 1.5 * backoffMs(failures, 1);
      if (over) failures = 0;
      return over;
    },
  };
}

function tellObserved(
  { metrics, log, bells }: Materializing,
  repository: string,
  observation: Observation | Error,
): void {
  if (observation instanceof Error) {
    const { code } = observation as { code?: unknown };
    // Of git's codes there are a few; anything else is one more.
    const known = typeof code === "string" && /^GIT_[A-Z_]+$/.test(code);
    metrics.observations.inc({ outcome: known ? code : "error" });
    log.warn("repository.failed", { repository, error: observation });
    return;
  }
  metrics.observations.inc({ outcome: observation.outcome });
  if (observation.outcome !== "changed") return;
  log.info("repository.changed", { repository });
  // The loop that builds may be resting.
  bells.hints.ring();
}

function tellBuilt({ builds, log }: Materializing, lease: Lease, result: Materialized | Error): void {
  const milliseconds = builds.ended(lease, result);
  const { repository, ref, oid, attempt } = lease;
  const facts = { repository, ref, oid, milliseconds };
  if (result instanceof Error) log.error("branch.lost", { ...facts, attempt, error: result });
  else if (result.outcome === "published") log.info("branch.published", { ...facts });
  else if (result.outcome === "failed") {
    const { how, code, message } = result;
    log.warn("branch.failed", { ...facts, attempt, how, code, message });
  } else log.info(`branch.${result.outcome}`, facts);
}
