import { type ChildProcess, spawn } from "node:child_process";
import { chown, mkdir, open, readFile, realpath } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { PgSnapshotError } from "../errors.ts";
import type { OnProgress } from "../progress.ts";
import { databaseUrl, type ConnectionSettings } from "../server/connection-settings.ts";
import { maintenanceDatabase } from "../server/maintenance-database.ts";
import { cacheDirectory } from "./cache-directory.ts";
import { initialiseData, reachableBinaries, superuser, type InitialisedData } from "./data-directory.ts";
import { findPostgres, type PostgresBinaries } from "./find-postgres.ts";
import { joinServer, keepRunning, leaveServer } from "./membership.ts";
import { findPostmaster, pause, stopPostmaster } from "./postmaster.ts";
import { serverAccount, type ServerAccount } from "./server-account.ts";
import { throwawaySettings } from "./server-settings.ts";

export interface EmbeddedServerOptions {
  /** Where the server lives; who names the same directory shares the server. @default in the user's cache */
  readonly directory?: string | undefined;
  /** Folder of `initdb` and `postgres`. @default found by {@link findPostgres} */
  readonly binaries?: string | undefined;
  /** Stays when the last process leaves, until it is stopped by {@link stopEmbeddedServer}. @default false */
  readonly keepRunning?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A running server that this process shares with others. Disposing of it leaves it. */
export interface EmbeddedServer extends AsyncDisposable {
  /** URL of the maintenance database, with the password. */
  readonly url: string;
  readonly version: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Leaves the server; the last process that leaves stops it, unless it was told to stay. */
  leave(): Promise<void>;
}

/** The directory of the embedded server that everybody on this account shares. */
export function defaultServerDirectory(): string {
  return join(cacheDirectory(), "postgres");
}

/**
 * Starts a throwaway server, or joins the one that already runs in that directory. Its data survives a stop;
 * after a crash or a `kill -9` the next start recovers it.
 *
 * An abort stops what was started.
 *
 * @throws {PgSnapshotError} `POSTGRES_MISSING`, `SERVER_START_FAILED` with the end of the server's log
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const { signal, onProgress } = options;
  const given = resolve(options.directory ?? defaultServerDirectory());
  await mkdir(given, { recursive: true });
  // Links are followed, so that everybody means the same directory by it.
  const directory = await realpath(given);
  const account = await serverAccount();
  const found = await findPostgres(options.binaries);
  const binaries = await reachableBinaries(directory, { binaries: found, account });
  onProgress?.({ phase: "start", detail: `Postgres ${binaries.version}` });
  const data = await initialiseData(directory, { binaries, account, signal });
  const logFile = join(directory, `server-${binaries.major}.log`);
  for (;;) {
    signal?.throwIfAborted();
    const running = await findPostmaster(data.dataDirectory);
    if (running && !running.ready) {
      await pause(signal);
      continue;
    }
    if (!running) await startPostmaster({ data, binaries, account, logFile, signal });
    const server = await joinRunning(data, { version: binaries.version, logFile, options });
    if (server) return server;
  }
}

/** `undefined` when the server is on its way out: somebody else was the last to leave. */
async function joinRunning(
  data: InitialisedData,
  { version, logFile, options }: { version: string; logFile: string; options: EmbeddedServerOptions },
): Promise<EmbeddedServer | undefined> {
  const { signal } = options;
  const running = await findPostmaster(data.dataDirectory);
  if (!running?.ready) return undefined;
  const settings = serverConnection(running.port, data.password);
  const membership = await joinServer(settings, data.dataDirectory, signal);
  if (!membership) {
    await pause(signal);
    return undefined;
  }
  if (options.keepRunning) await keepRunning(data.dataDirectory);
  let left: Promise<void> | undefined;
  const leave = (): Promise<void> => (left ??= leaveServer(membership, data.dataDirectory));
  return {
    url: databaseUrl(settings),
    version,
    port: running.port,
    dataDirectory: data.dataDirectory,
    logFile,
    leave,
    [Symbol.asyncDispose]: leave,
  };
}

export function serverConnection(port: number, password: string): ConnectionSettings {
  return { host: "127.0.0.1", port, user: superuser, password, database: maintenanceDatabase };
}

interface StartOptions {
  readonly data: InitialisedData;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly logFile: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a postmaster and waits until it takes connections, or until another process's is there: Postgres's
 * own lock file lets only one have the directory.
 */
async function startPostmaster({ data, binaries, account, logFile, signal }: StartOptions): Promise<void> {
  const port = await freePort();
  const flags = Object.entries(throwawaySettings(port)).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const log = await open(logFile, "a", 0o600);
  let child: ChildProcess;
  try {
    if (account) await chown(logFile, account.uid, account.gid);
    // Detached, so that a terminal's Ctrl-C ends us and not the server under us.
    child = spawn(join(binaries.directory, "postgres"), ["-D", data.dataDirectory, ...flags], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
      env: { PATH: process.env["PATH"], LC_MESSAGES: "C" },
      ...(account && { uid: account.uid, gid: account.gid }),
    });
  } finally {
    await log.close();
  }
  const ended = new Promise<string>((settle) => {
    child.once("error", (error) => settle(error.message));
    child.once("exit", (code, by) => settle(`ended with ${by ?? `exit code ${code}`}`));
  });
  child.unref();
  let failure: string | undefined;
  void ended.then((reason) => (failure = reason));
  try {
    for (;;) {
      signal?.throwIfAborted();
      const running = await findPostmaster(data.dataDirectory);
      if (running?.ready) return;
      if (failure !== undefined && !running) throw await startFailed(failure, logFile);
      await pause(signal);
    }
  } catch (error) {
    if (child.pid !== undefined && failure === undefined) await stopPostmaster(child.pid);
    throw error;
  }
}

/** A port that was free a moment ago; should it be taken meanwhile, the start fails and says so. */
async function freePort(): Promise<number> {
  return await new Promise((settle, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => settle(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function startFailed(reason: string, logFile: string): Promise<PgSnapshotError> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  const tail = log.trimEnd().split("\n").slice(-8).join("\n");
  return new PgSnapshotError(
    "SERVER_START_FAILED",
    `the embedded server did not start: it ${reason}\n${tail}`,
    {
      hint: `the whole log is in "${logFile}"`,
    },
  );
}
