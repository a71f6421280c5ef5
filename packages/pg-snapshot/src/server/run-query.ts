import { pause } from "../pause.ts";
import { explainSqlError } from "../sql-error.ts";
import { connect, type Session } from "./connect.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { maintenanceDatabase } from "./maintenance-database.ts";

export interface RunQueryOptions {
  /** What is being done, as a phrase for the error's message. */
  readonly doing: string;
  readonly values?: readonly unknown[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Needed to cancel: the request travels over a connection of its own. */
  readonly settings: ConnectionSettings;
}

/** Milliseconds for a cancelled statement to end. After them the server is out of reach, and its session given up. */
const patienceMs = 10_000;
/** Milliseconds between two requests to cancel: one that comes before the statement has begun does nothing. */
const againMs = 500;

/**
 * Runs one long statement. An abort cancels it on the server and waits until it has really stopped, so that
 * nothing goes on behind the caller's back. Where the server can no longer be asked, `session` is ended instead.
 *
 * @throws the signal's reason, or a {@link PgSnapshotError}
 */
export async function runQuery<Row extends object>(
  session: Session,
  text: string,
  { doing, values = [], signal, settings }: RunQueryOptions,
): Promise<Row[]> {
  signal?.throwIfAborted();
  const ended = new AbortController();
  let cancelling: Promise<void> | undefined;
  const cancel = (): void => {
    cancelling = endStatement(session, settings, ended.signal);
  };
  signal?.addEventListener("abort", cancel, { once: true });
  let rows: Row[];
  try {
    ({ rows } = await session.query<Row>(text, [...values]));
  } catch (error) {
    signal?.throwIfAborted();
    throw explainSqlError(error, doing);
  } finally {
    signal?.removeEventListener("abort", cancel);
    ended.abort();
    await cancelling;
  }
  signal?.throwIfAborted();
  return rows;
}

async function endStatement(
  session: Session,
  settings: ConnectionSettings,
  ended: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.timeout(patienceMs);
  using _givenUp = destroyOnAbort(session, deadline);
  while (!ended.aborted && !deadline.aborted) {
    // Whatever keeps the request from the server, it is made again until the deadline.
    await cancelBackend(settings, session.processID, deadline).catch(() => undefined);
    await pause(againMs, ended).catch(() => undefined);
  }
}

/** Resolves when the server has sent the request on, so that it cannot hit a statement that comes after. */
async function cancelBackend(
  settings: ConnectionSettings,
  pid: number | null,
  signal: AbortSignal,
): Promise<void> {
  await using session = await connect(settings, { database: maintenanceDatabase, signal });
  using _givenUp = destroyOnAbort(session, signal);
  await session.query("select pg_cancel_backend($1::int)", [pid]);
}

function destroyOnAbort(session: Session, signal: AbortSignal): Disposable {
  const destroy = (): void => void session.connection.stream.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", destroy) };
}
