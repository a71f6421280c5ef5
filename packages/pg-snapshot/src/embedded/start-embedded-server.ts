import { readFile, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { OnProgress } from "../progress.ts";
import { databaseUrl, type ConnectionSettings } from "../server/connection-settings.ts";
import { maintenanceDatabase } from "../server/maintenance-database.ts";
import { abortOnSignals } from "./abort-on-signals.ts";
import { cacheDirectory } from "./cache-directory.ts";
import { initialiseData, superuser } from "./data-directory.ts";
import { findPostgres, type PostgresBinaries } from "./find-postgres.ts";
import { launchPostmaster, startFailed, type LaunchOptions } from "./launch-postmaster.ts";
import { keepRunning, Member, stopForAll, type Membership } from "./membership.ts";
import { findPostmaster, pause } from "./postmaster.ts";
import { reachableBinaries } from "./reachable-binaries.ts";
import { makeServerDirectory, serverAccount } from "./server-account.ts";
import { dataFolderName, throwawaySettings } from "./server-settings.ts";

export interface EmbeddedServerOptions {
  /** Where the server lives; who names the same directory shares the server. @default in the user's cache */
  readonly directory?: string | undefined;
  /** Folder of `initdb` and `postgres`. @default found by {@link findPostgres} */
  readonly binaries?: string | undefined;
  /** Stays when the last process leaves, until it is stopped by {@link stopEmbeddedServer}. @default false */
  readonly keepRunning?: boolean | undefined;
  /**
   * Settings of Postgres besides, or instead of, {@link throwawaySettings}. Who asks for others gets another
   * server. @default {}
   */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds until a server that does not become ready is given up. @default 120000 */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A running server that this process shares with others. Disposing of it leaves it. */
export interface EmbeddedServer extends AsyncDisposable {
  /** URL of the maintenance database, with the password. */
  readonly url: string;
  /** For example `15.18`. */
  readonly version: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Leaves the server; the last process that leaves stops it, unless it was told to stay. */
  leave(): Promise<void>;
  /** Stops the server whoever else uses it. */
  stop(): Promise<void>;
}

/** The directory of the embedded server that everybody on this account shares. */
export function defaultServerDirectory(): string {
  return join(cacheDirectory(), "postgres");
}

/**
 * Starts a throwaway server, or joins the one that already runs in that directory. Its data survives a stop;
 * after a crash or a `kill -9` the next start recovers it.
 *
 * An abort, or a SIGINT or SIGTERM that the process does not handle itself, stops what was started and removes
 * what was half made.
 *
 * @throws {PgSnapshotError} `POSTGRES_MISSING`, `SERVER_START_FAILED` with the end of the server's log,
 * `PERMISSION_DENIED`, `DISK_FULL`
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  options.signal?.throwIfAborted();
  return await abortOnSignals(
    options.signal,
    async (signal) => {
      const launch = await prepareLaunch({ ...options, signal });
      return await startOrJoin(launch, options);
    },
    (server) => server.leave(),
  );
}

async function prepareLaunch(
  options: EmbeddedServerOptions & { readonly signal: AbortSignal },
): Promise<LaunchOptions> {
  const { signal, onProgress } = options;
  const found = await findPostgres(options.binaries);
  const account = await serverAccount();
  const given = resolve(options.directory ?? defaultServerDirectory());
  await makeServerDirectory(given, account);
  // Links are followed, so that everybody means the same directory by it.
  const directory = await realpath(given);
  const binaries = await reachableBinaries(directory, { binaries: found, account });
  const settings = { ...throwawaySettings, ...options.settings };
  const name = dataFolderName(binaries.major, settings);
  const onDiscard = (detail: string): void => onProgress?.({ phase: "start", detail });
  const onMake = (): void => announceStart(options, binaries);
  const data = await initialiseData(directory, { name, binaries, account, signal, onDiscard, onMake });
  return { data, binaries, account, settings, logFile: join(directory, `${name}.log`), signal };
}

async function startOrJoin(launch: LaunchOptions, options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { timeoutMs = 120_000, keepRunning: keep } = options;
  const { data, binaries, logFile, signal } = launch;
  const deadline = AbortSignal.timeout(timeoutMs);
  const limited = { ...launch, signal: AbortSignal.any([signal, deadline]) };
  try {
    for (;;) {
      limited.signal.throwIfAborted();
      const running = await findPostmaster(data.dataDirectory);
      const place = running?.ready && membershipOf(launch, running);
      const member = place && (await Member.join(place, limited.signal));
      if (member) {
        if (keep) await keepRunning(data.dataDirectory, place.postmaster);
        return describe(place, member, logFile);
      }
      if (running) await pause(limited.signal);
      else {
        announceStart(options, binaries);
        await launchPostmaster(limited);
      }
    }
  } catch (error) {
    if (!deadline.aborted || signal.aborted || error !== deadline.reason) throw error;
    const log = await readFile(logFile, "utf8").catch(() => "");
    throw startFailed(`it was not ready within ${timeoutMs} ms`, { log, logFile });
  }
}

/** Only where something starts: who joins a server that runs waits for nothing. */
function announceStart({ onProgress }: EmbeddedServerOptions, { version }: PostgresBinaries): void {
  onProgress?.({ phase: "start", detail: `Postgres ${version}` });
}

function membershipOf({ data }: LaunchOptions, postmaster: Membership["postmaster"]): Membership {
  const settings = serverConnection(postmaster.port, data.password);
  return { settings, dataDirectory: data.dataDirectory, postmaster };
}

function describe(place: Membership, member: Member, logFile: string): EmbeddedServer {
  const { settings, dataDirectory, postmaster } = place;
  const leave = (): Promise<void> => member.leave();
  return {
    url: databaseUrl(settings),
    version: member.serverVersion,
    port: postmaster.port,
    dataDirectory,
    logFile,
    leave,
    stop: async () => {
      await stopForAll(dataDirectory, postmaster);
      await member.leave();
    },
    [Symbol.asyncDispose]: leave,
  };
}

export function serverConnection(port: number, password: string): ConnectionSettings {
  return {
    host: "127.0.0.1",
    port,
    user: superuser,
    password,
    database: maintenanceDatabase,
    // A `PGSSLMODE=require` that is meant for another server must not keep anybody out of this one.
    sslParameters: { sslmode: "disable" },
  };
}
