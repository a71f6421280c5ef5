import { Socket } from "node:net";
import pg from "pg";
import { explainSqlError } from "../sql-error.ts";
import { describeServer, type ConnectionSettings } from "./connection-settings.ts";
import { passwordFromFile } from "./password-file.ts";
import { startupOptions } from "./startup-options.ts";

export interface ConnectOptions {
  /** @default the database of the settings */
  readonly database?: string | undefined;
  /** What `pg_stat_activity` shows; cut to 63 bytes by the server. @default "headstart" */
  readonly applicationName?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds until a server that does not answer counts as unreachable. */
const connectTimeoutMs = 10_000;
/** Milliseconds of silence until we ask whether the server is still there. */
const keepAliveDelayMs = 10_000;

/** Milliseconds for the server to answer a goodbye. */
const goodbyeMs = 5_000;

/**
 * One connection to a database; disposing of it closes it. Unlike a bare `pg.Client` it survives losing the
 * server while idle: {@link Session.lost} then aborts, and the next query fails.
 */
export class Session extends pg.Client {
  /** The server's process for this session. */
  declare readonly processID: number | null;
  readonly #lost = new AbortController();
  #ending = false;
  #serverVersion = "";

  constructor(
    settings: ConnectionSettings,
    { database, applicationName = "headstart" }: ConnectOptions = {},
  ) {
    const name = database ?? settings.database;
    super({
      host: settings.host,
      port: settings.port,
      user: settings.user,
      // Asked for only when the server does. Left to node-postgres it would warn of each password file.
      password:
        settings.password ??
        (() => process.env["PGPASSWORD"] || (passwordFromFile({ ...settings, database: name }) as string)),
      database: name,
      ssl: settings.ssl ?? false,
      application_name: applicationName,
      options: [process.env["PGOPTIONS"], startupOptions()].filter(Boolean).join(" "),
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelayMs,
    });
    this.connection.on("parameterStatus", (message: { parameterName: string; parameterValue: string }) => {
      if (message.parameterName === "server_version") this.#serverVersion = message.parameterValue;
    });
    this.on("error", (error) => this.#markLost(error));
    this.on("end", () => this.#markLost(new Error("connection terminated")));
  }

  /** Aborts with a `SERVER_UNREACHABLE` error when the connection ends without having been closed. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** The server's version, for example `15.18`, told by the server itself when the connection opened. */
  get serverVersion(): string {
    return this.#serverVersion.split(" ")[0] ?? "";
  }

  get serverMajor(): number {
    return Number.parseInt(this.#serverVersion, 10);
  }

  /** Whether this connection, while idle, keeps the process running. */
  keepProcessAlive(alive: boolean): void {
    const { stream } = this.connection;
    if (!(stream instanceof Socket)) return;
    if (alive) stream.ref();
    else stream.unref();
  }

  override async end(): Promise<void> {
    this.#ending = true;
    await super.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const giveUp = setTimeout(() => this.connection.stream.destroy(), goodbyeMs);
    // A connection that is gone already cannot be closed; there is nothing left to release.
    await this.end().catch(() => undefined);
    clearTimeout(giveUp);
  }

  #markLost(cause: Error): void {
    if (this.#ending || this.#lost.signal.aborted) return;
    this.#lost.abort(explainSqlError(cause, "the connection to the server was lost"));
  }
}

/**
 * Opens a connection. An abort ends the attempt at once, whatever the server does.
 *
 * @throws the signal's reason, or a {@link PgSnapshotError}: `SERVER_UNREACHABLE`, `AUTHENTICATION_FAILED`,
 * `TOO_MANY_CONNECTIONS`, `QUERY_FAILED`
 */
export async function connect(settings: ConnectionSettings, options: ConnectOptions = {}): Promise<Session> {
  const { signal } = options;
  signal?.throwIfAborted();
  const session = new Session(settings, options);
  const database = options.database ?? settings.database;
  // Not `end()`: a client that is ended while it connects never settles its promise.
  const abort = (): void => void session.connection.stream.destroy();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await session.connect();
    // Before 17 the server would refuse to connect with a setting that it does not know.
    if (session.serverMajor >= 17) await session.query("set transaction_timeout to 0");
    signal?.throwIfAborted();
  } catch (error) {
    // After a refusal that it did not send itself, such as of an absent password, the server waits for a minute.
    session.connection.stream.destroy();
    signal?.throwIfAborted();
    throw explainSqlError(error, `connecting to database "${database}" as ${describeServer(settings)}`);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  return session;
}
