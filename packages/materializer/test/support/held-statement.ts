import { EventEmitter, once } from "node:events";
import pg from "pg";

/** A pool that holds back the first statement that matches, inside a transaction or not, until the test lets it go. */
export interface HeldStatement extends AsyncDisposable {
  readonly db: pg.Pool;
  /** Resolves when the statement is about to be sent. */
  readonly reached: () => Promise<void>;
  readonly letGo: () => void;
}

export function holdStatement(connectionString: string, pattern: RegExp): HeldStatement {
  const db = new pg.Pool({ connectionString, max: 4 });
  db.on("error", () => undefined);
  const gate = new EventEmitter();
  const reached = once(gate, "reached");
  const opened = once(gate, "open");
  let held = false;
  const holding = <T extends pg.Pool | pg.PoolClient>(target: T): T => {
    const query = target.query.bind(target) as (...args: unknown[]) => unknown;
    target.query = ((...args: unknown[]) => {
      // A pool sends a statement of its own by a client's callback: it has been here already.
      if (typeof args.at(-1) === "function" || held || !pattern.test(String(args[0]))) return query(...args);
      held = true;
      gate.emit("reached");
      return opened.then(() => query(...args));
    }) as typeof target.query;
    return target;
  };
  const connect = db.connect.bind(db) as (...args: unknown[]) => unknown;
  const known = new WeakSet<pg.PoolClient>();
  db.connect = ((...args: unknown[]) => {
    if (args.length > 0) return connect(...args);
    return (connect() as Promise<pg.PoolClient>).then((client) => {
      if (known.has(client)) return client;
      known.add(client);
      return holding(client);
    });
  }) as typeof db.connect;
  return {
    db: holding(db),
    reached: async () => void (await reached),
    letGo: () => void gate.emit("open"),
    [Symbol.asyncDispose]: async () => await db.end(),
  };
}

/** Resolves when some session of the database waits for another's lock, or as many as are given. */
export async function lockAwaited(db: pg.Pool, sessions = 1): Promise<void> {
  for (;;) {
    const { rowCount } = await db.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if ((rowCount ?? 0) >= sessions) return;
  }
}
