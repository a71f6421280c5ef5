import { Gauge, type Registry } from "prom-client";

/** One look at the installation. Times are in seconds; null where nothing waits. */
export interface Surveyed {
  readonly states: readonly { readonly state: string; readonly class: string; readonly branches: number }[];
  readonly queue: { readonly queued: number; readonly waiting: number | null; readonly lag: number | null };
  readonly repositories: {
    readonly repositories: number;
    readonly failing: number;
    readonly paused: number;
    readonly guarded: number;
    readonly unobserved: number | null;
  };
}

const states = ["ready", "pending", "building", "error", "parked"];

export interface SurveyGauges {
  show(surveyed: Surveyed): void;
  /** Nobody knows: no value is better than an old one. */
  hide(): void;
}

export function createSurveyGauges(registry: Registry): SurveyGauges {
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `headstart_worker_${name}`, help, labelNames, registers: [registry] });
  const branches = gauge("branches", "Branches by state and class.", ["state", "class"]);
  const repositories = gauge("repositories", "Repositories: all, failing, paused, guarded.", ["state"]);
  const queue = gauge("queue_depth", "Branches that are due and that nobody builds.");
  const waiting = gauge("queue_oldest_seconds", "How long the one that is due for longest has waited.");
  const lag = gauge("lag_seconds", "Age of the oldest wanted commit that has no outcome yet.");
  const unobserved = gauge(
    "unobserved_seconds",
    "How long the repository last looked at has not been looked at.",
  );
  const hide = (): void => {
    branches.reset();
    repositories.reset();
    // Without labels, a gauge that is reset would say 0.
    for (const single of [queue, waiting, lag, unobserved]) single.remove();
  };
  hide();
  return {
    hide,
    show: ({ states: counted, queue: queued, repositories: seen }) => {
      branches.reset();
      for (const state of states)
        for (const branchClass of ["live", "draft"]) branches.set({ state, class: branchClass }, 0);
      for (const { state, class: branchClass, branches: count } of counted)
        branches.set({ state, class: branchClass }, count);
      queue.set(queued.queued);
      waiting.set(queued.waiting ?? 0);
      lag.set(queued.lag ?? 0);
      repositories.set({ state: "all" }, seen.repositories);
      repositories.set({ state: "failing" }, seen.failing);
      repositories.set({ state: "paused" }, seen.paused);
      repositories.set({ state: "guarded" }, seen.guarded);
      unobserved.set(seen.unobserved ?? 0);
    },
  };
}
