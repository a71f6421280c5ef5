import pg from "pg";

/** A pool of a process that is killed at a statement: what came before it is done, it and whatever follows is never sent. */
export interface MortalPool {
  readonly db: pg.Pool;
  /** Whether it came to that statement. */
  readonly died: () => boolean;
}

export function mortalPool(connectionString: string, statements: number): MortalPool {
  const db = new pg.Pool({ connectionString, max: 4 });
  db.on("error", () => undefined);
  let left = statements;
  let died = false;
  const killed = (): Error => {
    died = true;
    return new Error("this process was killed");
  };
  db.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      left -= 1;
      if (left >= 0) return query(...args);
      // A pool sends a statement of its own by a callback.
      const callback = args.at(-1);
      if (typeof callback !== "function") return Promise.reject(killed());
      (callback as (error: Error) => void)(killed());
      return undefined;
    }) as typeof client.query;
  });
  return { db, died: () => died };
}
