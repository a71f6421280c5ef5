import type pg from "pg";
import type { WorkerRow } from "./status-schema.ts";

/** Workers that the page shows at most: those that were seen last. */
const SHOWN = 500;

export async function readWorkers(db: pg.Pool): Promise<WorkerRow[]> {
  const { rows } = await db.query<
    Omit<WorkerRow, "startedAt" | "seenAt"> & { startedAt: Date; seenAt: Date }
  >(
    `select id, host, pid, version, started_at as "startedAt", seen_at as "seenAt", concurrency, building, draining,
            failing_loops as "failingLoops"
     from headstart_worker.workers order by seen_at desc, id limit ${SHOWN}`,
  );
  return rows.map((row) => ({
    ...row,
    startedAt: row.startedAt.toISOString(),
    seenAt: row.seenAt.toISOString(),
  }));
}
