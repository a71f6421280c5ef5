import type pg from "pg";
import { concurrency as schema } from "../config/config-schema.ts";
import { resizePool } from "../database/open-pool.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { WorkerError } from "../worker-error.ts";
import type { Bell } from "./bell.ts";

/** Builds at a time in this process: changeable while it runs. */
export interface Concurrency {
  readonly current: number;
  /** @throws WorkerError `CONFIG_INVALID` when it is no whole number from 1 to 64 */
  change(to: number): void;
}

export function createConcurrency(
  initial: number,
  { db, log, metrics, bell }: { db: pg.Pool; log: Log; metrics: Metrics; bell: Bell },
): Concurrency {
  let current = initial;
  metrics.concurrency.set(current);
  return {
    get current() {
      return current;
    },
    change: (to) => {
      const parsed = schema.safeParse(to);
      if (!parsed.success) {
        throw new WorkerError("CONFIG_INVALID", `Concurrency: ${parsed.error.issues[0]?.message}.`, {
          hint: "Give the number of builds at a time, from 1 to 64.",
        });
      }
      if (to === current) return;
      log.info("concurrency.changed", { from: current, to });
      resizePool(db, to - current);
      current = to;
      metrics.concurrency.set(to);
      bell.ring();
    },
  };
}
