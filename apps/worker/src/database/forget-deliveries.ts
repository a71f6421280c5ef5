import type pg from "pg";

const BATCH = 5_000;

/** Takes away settled deliveries that were received longer ago than this, in small transactions. */
export async function forgetDeliveries(
  db: pg.Pool,
  { afterMs, signal }: { afterMs: number; signal: AbortSignal },
): Promise<number> {
  for (let removed = 0; ;) {
    signal.throwIfAborted();
    const { rowCount } = await db.query(
      `delete from headstart_worker.deliveries where id in (
         select id from headstart_worker.deliveries
         where outcome <> 'pending' and received_at < now() - $1 * interval '1 ms'
         order by received_at limit $2 for update skip locked)`,
      [afterMs, BATCH],
    );
    removed += rowCount ?? 0;
    if ((rowCount ?? 0) < BATCH) return removed;
  }
}
