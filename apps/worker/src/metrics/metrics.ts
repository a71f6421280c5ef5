import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/**
 * The process's registry and what the loops count. Parts register what else they count in `registry`, under names
 * that begin with `headstart_worker_`. No label holds a name that a user chose: their number has to be bounded.
 */
export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const audits = new Counter({
    name: "headstart_worker_audits_total",
    help: "Branches verified against git, by result: equal, different.",
    labelNames: ["result"],
    registers,
  });
  countFromZero(audits, "result", ["equal", "different"]);
  return {
    registry,
    loopFailures: new Counter({
      name: "headstart_worker_loop_failures_total",
      help: "Failed turns of a loop.",
      labelNames: ["loop"],
      registers,
    }),
    loopHealthy: new Gauge({
      name: "headstart_worker_loop_healthy",
      help: "1 when the last turn of a loop went well.",
      labelNames: ["loop"],
      registers,
    }),
    observations: new Counter({
      name: "headstart_worker_observations_total",
      help: "Looks at repositories, by outcome: unchanged, changed, busy, superseded, or the code of a failure.",
      labelNames: ["outcome"],
      registers,
    }),
    builds: new Counter({
      name: "headstart_worker_builds_total",
      help: "Builds, by outcome: published, recorded, retrying, parked, observing, fenced, aborted, error.",
      labelNames: ["outcome"],
      registers,
    }),
    buildSeconds: new Histogram({
      name: "headstart_worker_build_seconds",
      help: "From claim to outcome.",
      labelNames: ["outcome"],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
      registers,
    }),
    audits,
    building: new Gauge({ name: "headstart_worker_building", help: "Builds under way here.", registers }),
    concurrency: new Gauge({
      name: "headstart_worker_concurrency",
      help: "Builds that may be under way here at a time.",
      registers,
    }),
  };
}

/** Makes series before their first count: `increase()` does not see one that is born at 1. */
export function countFromZero<Label extends string>(
  counter: Counter<Label>,
  label: Label,
  values: readonly string[],
): void {
  for (const value of values) counter.inc({ [label]: value } as Record<Label, string>, 0);
}
