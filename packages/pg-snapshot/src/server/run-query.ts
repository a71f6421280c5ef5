import { explainSqlError } from "../sql-error.ts";
import { connect, type Session } from "./connect.ts";
import type { ConnectionSettings } from "./connection-settings.ts";

export interface RunQueryOptions {
  /** What is being done, as a phrase for the error's message. */
  readonly doing: string;
  readonly signal?: AbortSignal | undefined;
  /** Needed to cancel: the request travels over a connection of its own. */
  readonly settings: ConnectionSettings;
}

/**
 * Runs one long statement. An abort cancels it on the server and waits until it has really stopped, so that
 * nothing goes on behind the caller's back.
 *
 * @throws the signal's reason, or a {@link PgSnapshotError}
 */
export async function runQuery(session: Session, text: string, options: RunQueryOptions): Promise<void> {
  const { signal, doing, settings } = options;
  signal?.throwIfAborted();
  const { rows } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
  const pid = rows[0]?.pid;
  let cancelled: Promise<void> | undefined;
  const cancel = (): void => {
    cancelled = cancelBackend(settings, pid);
  };
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    await session.query(text);
  } catch (error) {
    signal?.throwIfAborted();
    throw explainSqlError(error, doing);
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancelled;
  }
  signal?.throwIfAborted();
}

async function cancelBackend(settings: ConnectionSettings, pid: number | undefined): Promise<void> {
  try {
    await using session = await connect(settings, { database: "postgres" });
    await session.query("select pg_cancel_backend($1::int)", [pid]);
  } catch {
    // The server is gone, and the statement with it.
  }
}
