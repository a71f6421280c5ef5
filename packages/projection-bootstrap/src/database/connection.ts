import type pg from "pg";

/** A connection of a pool, held for a while. */
export interface Connection {
  readonly client: pg.PoolClient;
  /** Gives it back, or closes it when nobody knows what state it is in. */
  readonly release: (broken?: boolean) => void;
}

const ignore = (): void => undefined;

/**
 * Takes a connection. Whoever holds one never waits for another: those who have the others could be waiting for this
 * one. It works on the one it holds, and beside it on those that {@link takeSpare} gives.
 */
export async function takeConnection(pool: pg.Pool): Promise<Connection> {
  const client = await pool.connect();
  // When the server goes away while nothing is asked of it, the next query fails; without a listener of ours it would
  // be the whole process instead.
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

/** Connections that nobody has to be waited for, `count` at most; none where the server has no more. */
export async function takeSpare(pool: pg.Pool, count: number): Promise<Connection[]> {
  const free = pool.options.max - pool.totalCount + pool.idleCount - pool.waitingCount;
  const asked = Array.from({ length: Math.max(0, Math.min(count, free)) }, () => takeConnection(pool));
  const taken = await Promise.allSettled(asked);
  return taken.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}
