import { spawn } from "node:child_process";
import { chown, open, readFile, rename, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { PgSnapshotError } from "../errors.ts";
import type { InitialisedData } from "./data-directory.ts";
import type { PostgresBinaries } from "./find-postgres.ts";
import { endOrphanBackends } from "./orphan-backends.ts";
import { findPostmaster, pause, removeStalePidFile, stopPostmaster } from "./postmaster.ts";
import { noteRun } from "./run-note.ts";
import type { ServerAccount } from "./server-account.ts";
import { accessSettings, machineSettings } from "./server-settings.ts";

export interface LaunchOptions {
  readonly data: InitialisedData;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly signal: AbortSignal;
}

/** Bytes of a log from which on the next start begins a new one and keeps this as `….1`. */
const logRotationBytes = 8 * 1024 * 1024;

/**
 * What the log says when a start may be tried again: the port was taken since we looked, another process's
 * server was faster, or what a killed server left is not gone yet.
 */
const passingTroubles =
  /could not bind|lock file "[^"]*" already exists|pre-existing shared memory block|lock file .* is empty/;

/**
 * Starts a server and waits until it takes connections. Postgres's own lock file lets only one have the
 * directory, so whoever calls this looks for a running server afterwards, and again calls this when there is
 * none.
 *
 * An abort ends what was started.
 *
 * @throws {PgSnapshotError} `SERVER_START_FAILED` with the end of the log
 */
export async function launchPostmaster(options: LaunchOptions): Promise<void> {
  const { data, logFile, signal } = options;
  const logStart = await prepareLog(logFile);
  await noteRun(data.dataDirectory);
  await removeStalePidFile(data.dataDirectory);
  const postgres = await spawnPostgres(options);
  try {
    while (postgres.failure() === undefined) {
      const running = await findPostmaster(data.dataDirectory);
      if (running?.ready && running.pid === postgres.pid) return;
      await pause(signal);
    }
  } catch (error) {
    if (postgres.pid !== undefined && postgres.failure() === undefined) await stopPostmaster(postgres.pid);
    throw error;
  }
  const log = (await readFile(logFile)).subarray(logStart).toString();
  if (!passingTroubles.test(log)) throw startFailed(`it ${postgres.failure()}`, { log, logFile });
  await endOrphanBackends(data.dataDirectory);
  await pause(signal);
}

async function spawnPostgres({ data, binaries, account, settings, logFile }: LaunchOptions) {
  const all = { ...settings, ...(await machineSettings()), ...accessSettings, port: await freePort() };
  const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = await open(logFile, "a", 0o600);
  try {
    if (account) await chown(logFile, account.uid, account.gid);
    // Detached, so that a terminal's Ctrl-C ends us and not the server under us.
    const child = spawn(join(binaries.directory, "postgres"), ["-D", data.dataDirectory, ...flags], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
      // On macOS some builds look for a missing locale with a thread, and then refuse to run with more than one.
      // Databases have locales of their own: https://www.postgresql.org/docs/current/locale.html
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    let failure: string | undefined;
    child.once("error", (error) => (failure = `could not be run (${error.message})`));
    child.once("exit", (code, by) => (failure = `ended with ${by ?? `exit code ${code}`}`));
    child.unref();
    return { pid: child.pid, failure: () => failure };
  } finally {
    await log.close();
  }
}

/** Where in the log this start begins, in bytes. */
async function prepareLog(logFile: string): Promise<number> {
  const size = await stat(logFile).then(
    (log) => log.size,
    () => 0,
  );
  if (size < logRotationBytes) return size;
  await rename(logFile, `${logFile}.1`);
  return 0;
}

/** A port that was free a moment ago; should it be taken since, the start is tried again with another. */
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

export function startFailed(
  reason: string,
  { log, logFile }: { readonly log: string; readonly logFile: string },
): PgSnapshotError {
  const tail = log.trimEnd().split("\n").slice(-10).join("\n");
  return new PgSnapshotError(
    "SERVER_START_FAILED",
    `the embedded server did not start: ${reason}${tail && `\n${tail}`}`,
    { hint: `the whole log is in "${logFile}"` },
  );
}
