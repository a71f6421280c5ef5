import type { Run } from "./run-history.ts";

/** What one tier gave. */
export interface TierSummary {
  readonly tier: Run["tier"];
  readonly runs: number;
  readonly medianMs: number;
  /** Milliseconds that its runs took less than as many builds, when a build's time is known. */
  readonly savedMs?: number | undefined;
}

/** The recorded runs by tier, cheapest first; tiers without runs are left out. */
export function summariseRuns(runs: readonly Run[], buildMs: number | undefined): TierSummary[] {
  return (["template", "snapshot", "build"] as const).flatMap((tier) => {
    const times = runs
      .filter((run) => run.tier === tier)
      .map((run) => run.ms)
      .sort((a, b) => a - b);
    const medianMs = times[Math.floor(times.length / 2)];
    if (medianMs === undefined) return [];
    const spent = times.reduce((sum, ms) => sum + ms, 0);
    const savedMs =
      tier === "build" || buildMs === undefined ? undefined : Math.max(0, buildMs * times.length - spent);
    return [{ tier, runs: times.length, medianMs, savedMs }];
  });
}
