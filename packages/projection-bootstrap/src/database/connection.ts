import type pg from "pg";

/** A connection of a pool, held for a while. */
export interface Connection {
  readonly client: pg.PoolClient;
  /** Gives it back, or closes it when nobody knows what state it is in. */
  readonly release: (broken?: boolean) => void;
}

const ignore = (): void => undefined;

/**
 * Takes a connection. When the server goes away while nothing is asked of it, the next query fails; without a
 * listener of ours it would be the whole process instead.
 */
export async function takeConnection(pool: pg.Pool): Promise<Connection> {
  const client = await pool.connect();
  client.on("error", ignore);
  return {
    client,
    release: (broken = false) => {
      // A connection that is closed may still have its last error to tell.
      if (!broken) client.off("error", ignore);
      client.release(broken);
    },
  };
}
