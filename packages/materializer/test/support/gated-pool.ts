import { EventEmitter, once } from "node:events";
import pg from "pg";

/** A pool whose transactions wait for the test before they begin; statements without one pass. */
export interface GatedPool extends AsyncDisposable {
  readonly db: pg.Pool;
  /** Resolves when a transaction waits. */
  readonly waiting: () => Promise<void>;
  readonly open: () => void;
}

export function gatedPool(connectionString: string): GatedPool {
  const db = new pg.Pool({ connectionString, max: 4 });
  const gate = new EventEmitter();
  const waiting = once(gate, "waiting");
  const opened = once(gate, "open");
  const connect = db.connect.bind(db) as (...args: unknown[]) => unknown;
  db.connect = ((...args: unknown[]) => {
    // A pool connects by callback for a statement of its own.
    if (args.length > 0) return connect(...args);
    gate.emit("waiting");
    return opened.then(() => connect());
  }) as typeof db.connect;
  return {
    db,
    waiting: async () => void (await waiting),
    open: () => void gate.emit("open"),
    [Symbol.asyncDispose]: async () => await db.end(),
  };
}
