import type { Owner } from "../owner.ts";
import { pause } from "../pause.ts";

/** A client's session in a database. */
export interface ConnectedSession {
  readonly pid: number;
  readonly application: string;
  /** The first 60 characters of its last query. */
  readonly query: string;
}

export interface AwaitSessionsOptions {
  /** How many times it is looked, {@link pauseMs} milliseconds apart. */
  readonly looks: number;
  readonly signal?: AbortSignal | undefined;
}

const pauseMs = 20;

/**
 * Waits for the sessions in `database` to leave. A backend goes a moment after its client has closed: what
 * `pool.end()` resolves on is that the goodbyes are written, not that the server has read them.
 *
 * @returns the sessions that are still there at the last look; none when all have left
 */
export async function awaitSessionsToLeave(
  owner: Owner,
  database: string,
  { looks, signal }: AwaitSessionsOptions,
): Promise<ConnectedSession[]> {
  for (let look = 1; ; look++) {
    const sessions = await owner.query<ConnectedSession>(
      "looking for connected sessions",
      `select pid, application_name as application, left(query, 60) as query
         from pg_catalog.pg_stat_activity
        where datname = $1::name and backend_type = 'client backend'`,
      [database],
    );
    if (sessions.length === 0 || look >= looks) return sessions;
    await pause(pauseMs, signal);
  }
}
