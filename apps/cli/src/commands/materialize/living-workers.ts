import type pg from "pg";

/** A worker by its heartbeat. */
export interface LivingWorker {
  readonly id: string;
  readonly building: number;
  readonly concurrency: number;
  readonly failingLoops: readonly string[];
}

/** Seconds: three heartbeats of a worker. */
const SILENCE = 15;

/** The workers that were heard of just now, and are not about to end. None where no worker ever was. */
export async function livingWorkers(db: pg.Pool): Promise<LivingWorker[]> {
  const { rows: found } = await db.query<{ there: boolean }>(
    "select to_regclass('headstart_worker.workers') is not null as there",
  );
  if (found[0]?.there !== true) return [];
  const { rows } = await db.query<LivingWorker>(
    `select id, building, concurrency, failing_loops as "failingLoops" from headstart_worker.workers
     where seen_at > now() - $1 * interval '1 s' and not draining order by id`,
    [SILENCE],
  );
  return rows;
}
