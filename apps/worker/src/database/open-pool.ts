import pg from "pg";
import type { Log } from "../log.ts";

/** Connections beside those of builds and observers: loops, webhooks, pages. */
const BESIDE = 8;

/** A query that takes longer is ended, by the server and, when that is silent, by us. Milliseconds. */
const STATEMENT_MS = 120_000;

/** How long the server keeps what a client has locked that is gone without a word, in milliseconds. */
const SILENT_CLIENT_MS = 30_000;

/**
 * Set on the session and not in the start-up message, where PgBouncer refuses what it does not know. By those of TCP the
 * server notices a machine that was cut off, and lets go of what it held.
 */
const settings: Readonly<Record<string, number>> = {
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
  tcp_user_timeout: SILENT_CLIENT_MS,
};

/** For connections that work; one that listens is idle for as long as it likes. */
const limits: Readonly<Record<string, number>> = {
  statement_timeout: STATEMENT_MS,
  idle_in_transaction_session_timeout: STATEMENT_MS,
};

/** What connections of a worker are called in `pg_stat_activity`. Postgres keeps 63 bytes of it. */
function applicationName(worker: string): string {
  return `headstart-worker ${worker}`.slice(0, 63);
}

export interface PoolOptions {
  readonly url: string;
  readonly worker: string;
  readonly log: Log;
  /** Builds and observations at a time. */
  readonly atOnce: number;
}

/** A pool that survives a server that goes away: a connection that breaks while idle is said and replaced. */
export function openPool({ url, worker, log, atOnce }: PoolOptions): pg.Pool {
  const db = new pg.Pool({
    ...connectionOptions(url, worker),
    max: BESIDE + atOnce,
    idleTimeoutMillis: 60_000,
    query_timeout: STATEMENT_MS + 5_000,
    // Before anybody is given the connection; it is waited for, which its type does not say.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: async (client) => await configureSession(client, { ...settings, ...limits }),
  });
  db.on("error", (error) => log.warn("database.connection-lost", { error }));
  return db;
}

/** To be called on a connection of its own once it is there. @throws what the server refuses */
export async function configureSession(
  client: pg.ClientBase,
  values: Readonly<Record<string, number>> = settings,
): Promise<void> {
  const { rows } = await client.query<{ backend: number }>(
    `select pg_backend_pid() as backend, set_config(name, value, false)
     from unnest($1::text[], $2::text[]) as s (name, value)`,
    [Object.keys(values), Object.values(values).map(String)],
  );
  if (rows[0] !== undefined) backends.set(client, rows[0].backend);
}

const backends = new WeakMap<pg.ClientBase, number>();

/** The server's process behind a connection. What the client was told as it connected is the pooler's, if there is one. */
export function backendOf(client: pg.ClientBase): number | undefined {
  return backends.get(client);
}

/** Common to the pool and to the connection that listens. */
export function connectionOptions(url: string, worker: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName(worker),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/** Lets the pool grow, or shrink, by this many connections. */
export function resizePool(db: pg.Pool, by: number): void {
  db.options.max += by;
}
