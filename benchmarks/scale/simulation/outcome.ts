import type { Measured } from "./costs.ts";
import type { Deployment } from "./deployment.ts";
import { Shard } from "./shard.ts";

/** What came of a simulated time: shares of each resource, 0 to 1, and times in milliseconds. */
export interface Outcome {
  readonly perSecond: number;
  readonly database: number;
  readonly log: number;
  readonly logBytesPerSecond: number;
  readonly commitsPerSecond: number;
  readonly notifications: number;
  readonly workers: number;
  readonly observers: number;
  readonly builders: number;
  readonly git: number;
  readonly gitPerSecond: number;
  readonly broker: number;
  readonly pushesPerBuild: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** The slowest of those whose webhook was lost. */
  readonly latest: number | undefined;
  readonly unserved: number;
  /** Whether work kept up with what came in. */
  readonly keepsUp: boolean;
}

interface Simulated {
  readonly perSecond: number;
  readonly seed: number;
  /** Simulated seconds that count, at least. @default 20 */
  readonly seconds?: number;
}

/**
 * Simulates a deployment for at least so many seconds, and for long enough that a thousand pushes come where few do.
 * One shard is simulated, for they are alike.
 */
export function simulate(
  deployment: Deployment,
  measured: Measured,
  { perSecond, seed, seconds: least = 20 }: Simulated,
): Outcome {
  const shard = new Shard(deployment, measured, seed);
  const ofShard = perSecond / deployment.shards;
  const ms = Math.min(Math.max(least * 1_000, 1_000_000 / ofShard), 900_000);
  shard.run(ofShard, { warmupMs: least * 500, ms });
  const seconds = ms / 1_000;
  const sorted = shard.latencies.toSorted((a, b) => a - b);
  const percentile = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const { counts, unserved } = shard;
  return {
    perSecond,
    database: shard.database.utilisation,
    log: shard.log.utilisation,
    logBytesPerSecond: shard.log.bytesPerSecond,
    commitsPerSecond: shard.log.commitsPerSecond,
    notifications: shard.notifiedMs / 1_000 / seconds / deployment.databaseProcessors,
    workers: shard.workers.utilisation,
    observers: shard.observers.utilisation,
    builders: shard.builders.utilisation,
    git: shard.git.utilisation,
    gitPerSecond: ((counts.observations + counts.fetches) * deployment.shards) / seconds,
    broker: shard.broker.utilisation * deployment.shards,
    pushesPerBuild: counts.pushes / Math.max(1, counts.builds),
    p50: percentile(0.5),
    p95: percentile(0.95),
    p99: percentile(0.99),
    latest: shard.lateLatencies.length === 0 ? undefined : Math.max(...shard.lateLatencies),
    unserved,
    // A backlog of more than two seconds' pushes grows; those without a webhook wait for a poll.
    keepsUp: unserved < 20 + ofShard * (2 + 900 * deployment.assumptions.lostWebhooks),
  };
}
