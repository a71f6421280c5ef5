import type { Lease, Materialized } from "@headstart/materializer";
import type { Metrics } from "../metrics/metrics.ts";

/** A build that is under way in this process. */
export interface RunningBuild {
  readonly repository: string;
  readonly ref: string;
  readonly oid: string;
  readonly startedAt: Date;
}

/** The builds that are under way here, with what they cost in the metrics. */
export interface Builds {
  readonly running: readonly RunningBuild[];
  started(lease: Lease): void;
  /** @returns how many milliseconds it took */
  ended(lease: Lease, result: Materialized | Error): number;
}

export function createBuilds(metrics: Metrics): Builds {
  const running = new Map<string, RunningBuild>();
  return {
    get running() {
      return [...running.values()];
    },
    started: ({ token, repository, ref, oid }) => {
      running.set(token, { repository, ref, oid, startedAt: new Date() });
      metrics.building.set(running.size);
    },
    ended: ({ token }, result) => {
      const startedAt = running.get(token)?.startedAt.getTime() ?? Date.now();
      running.delete(token);
      const milliseconds = Date.now() - startedAt;
      const outcome = outcomeOf(result);
      metrics.building.set(running.size);
      metrics.builds.inc({ outcome });
      metrics.buildSeconds.observe({ outcome }, milliseconds / 1000);
      return milliseconds;
    },
  };
}

/** One of a few words, for a label. */
function outcomeOf(result: Materialized | Error): string {
  if (result instanceof Error) return "error";
  return result.outcome === "failed" ? result.how : result.outcome;
}
