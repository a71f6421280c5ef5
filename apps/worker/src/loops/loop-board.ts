import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** Who runs for ever in this process, and how it fares: for `/healthz`, metrics, the log and the heartbeat. */
export interface LoopBoard {
  /** @param silentMs a loop that says nothing for longer than this makes the process unhealthy */
  started(loop: string, silentMs?: number): void;
  /** A turn went well. */
  turned(loop: string): void;
  /** It is in the middle of something, and not stuck. */
  alive(loop: string): void;
  /** A turn failed, and the loop goes on. Counted and logged; a row of failures is logged at its 1st, 2nd, 4th … */
  failed(loop: string, error: unknown): void;
  ended(loop: string): void;
  report(): LoopReport[];
}

export interface LoopReport {
  readonly loop: string;
  readonly healthy: boolean;
  /** Failed turns since the last good one. */
  readonly failures: number;
  readonly lastError: string | undefined;
  /** It has said nothing for longer than it should. */
  readonly stuck: boolean;
}

interface Entry {
  silentMs: number;
  spokeAt: number;
  failures: number;
  lastError: string | undefined;
}

const defaultSilentMs = 15 * 60_000;

export function createLoopBoard({ log, metrics }: { log: Log; metrics: Metrics }): LoopBoard {
  const entries = new Map<string, Entry>();
  const entryOf = (loop: string): Entry => {
    const entry = entries.get(loop) ?? {
      silentMs: defaultSilentMs,
      spokeAt: performance.now(),
      failures: 0,
      lastError: undefined,
    };
    entries.set(loop, entry);
    return entry;
  };
  return {
    started: (loop, silentMs = defaultSilentMs) => {
      Object.assign(entryOf(loop), { silentMs, spokeAt: performance.now() });
      metrics.loopFailures.inc({ loop }, 0);
      metrics.loopHealthy.set({ loop }, 1);
    },
    turned: (loop) => {
      const entry = entryOf(loop);
      if (entry.failures > 0) log.info("loop.recovered", { loop, failures: entry.failures });
      Object.assign(entry, { spokeAt: performance.now(), failures: 0, lastError: undefined });
      metrics.loopHealthy.set({ loop }, 1);
    },
    alive: (loop) => {
      entryOf(loop).spokeAt = performance.now();
    },
    failed: (loop, error) => {
      const entry = entryOf(loop);
      const failures = entry.failures + 1;
      const lastError = error instanceof Error ? error.message : String(error);
      Object.assign(entry, { spokeAt: performance.now(), failures, lastError });
      metrics.loopFailures.inc({ loop });
      metrics.loopHealthy.set({ loop }, 0);
      if (Number.isInteger(Math.log2(failures))) log.error("loop.failed", { loop, failures, error });
    },
    ended: (loop) => {
      entries.delete(loop);
      metrics.loopHealthy.remove({ loop });
    },
    report: () =>
      [...entries].map(([loop, { silentMs, spokeAt, failures, lastError }]) => ({
        loop,
        healthy: failures === 0,
        failures,
        lastError,
        stuck: performance.now() - spokeAt > silentMs,
      })),
  };
}
