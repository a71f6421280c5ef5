import type pg from "pg";

/** What a worker says of itself with each heartbeat. */
export interface Heartbeat {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: Date;
  readonly concurrency: number;
  readonly building: number;
  readonly draining: boolean;
  readonly failingLoops: readonly string[];
}

/** How often, in milliseconds. Who was not seen for three of them is taken for dead by those who look. */
export const HEARTBEAT_MS = 5_000;

export async function beat(db: pg.Pool, heartbeat: Heartbeat): Promise<void> {
  const { id, host, pid, version, startedAt, concurrency, building, draining, failingLoops } = heartbeat;
  await db.query(
    `insert into headstart_worker.workers
       (id, host, pid, version, started_at, seen_at, concurrency, building, draining, failing_loops)
     values ($1, $2, $3, $4, $5, now(), $6, $7, $8, $9)
     on conflict (id) do update set
       host = excluded.host, pid = excluded.pid, version = excluded.version, started_at = excluded.started_at,
       seen_at = excluded.seen_at, concurrency = excluded.concurrency, building = excluded.building,
       draining = excluded.draining, failing_loops = excluded.failing_loops`,
    [id, host, pid, version, startedAt, concurrency, building, draining, failingLoops],
  );
}

export async function leave(db: pg.Pool, id: string): Promise<void> {
  await db.query("delete from headstart_worker.workers where id = $1", [id]);
}

/** Takes away workers that were not seen for this many milliseconds: they died without a word. */
export async function forgetWorkers(db: pg.Pool, afterMs: number): Promise<number> {
  const { rowCount } = await db.query(
    "delete from headstart_worker.workers where seen_at < now() - $1 * interval '1 ms'",
    [afterMs],
  );
  return rowCount ?? 0;
}
