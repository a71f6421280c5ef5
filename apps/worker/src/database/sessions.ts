import pg from "pg";
import { backendOf, connectionOptions } from "./open-pool.ts";

/** The sessions that a pool has on the server, to end what they do. */
export interface Sessions {
  /** Cancels queries of the pool that have run for longer than this. @returns how many */
  cancelQueries(options: { url: string; worker: string; olderThanMs: number }): Promise<number>;
}

export function trackSessions(db: pg.Pool): Sessions {
  const clients = new Set<pg.PoolClient>();
  db.on("connect", (client) => clients.add(client));
  db.on("remove", (client) => clients.delete(client));
  return {
    cancelQueries: async ({ url, worker, olderThanMs }) => {
      const pids = [...clients].flatMap((client) => backendOf(client) ?? []);
      // A connection beside the pool, which may be all in use by what is to be cancelled.
      const canceller = new pg.Client({ ...connectionOptions(url, worker), query_timeout: 5_000 });
      canceller.on("error", () => undefined);
      try {
        await canceller.connect();
        const { rowCount } = await canceller.query(
          `select pg_cancel_backend(pid) from pg_stat_activity
           where pid = any($1) and state = 'active' and query_start < now() - $2 * interval '1 ms'`,
          [pids, olderThanMs],
        );
        return rowCount ?? 0;
      } finally {
        void canceller.end().catch(() => undefined);
      }
    },
  };
}
