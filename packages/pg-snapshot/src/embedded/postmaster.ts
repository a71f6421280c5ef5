import { link, readFile, readlink, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startProgram } from "../start-program.ts";
import { PgSnapshotError } from "../errors.ts";

/** What a running server wrote into `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  /** Seconds since the epoch, as text. With the pid it tells one server from the next in the same directory. */
  readonly startedAt: string;
  readonly port: number;
  readonly ready: boolean;
}

const pidFile = (dataDirectory: string): string => join(dataDirectory, "postmaster.pid");

/** The text of `postmaster.pid`: it is there while a server runs, and after one that did not shut down. */
export async function readPidFile(dataDirectory: string): Promise<string | undefined> {
  return await readFile(pidFile(dataDirectory), "utf8").catch(() => undefined);
}

/**
 * The server that runs in a data directory, by its pid file: https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h
 */
export async function findPostmaster(dataDirectory: string): Promise<Postmaster | undefined> {
  const text = await readPidFile(dataDirectory);
  const lines = text?.split("\n") ?? [];
  const pid = Number(lines[0]);
  if (!isPid(pid) || !isAlive(pid) || !(await servesDirectory(pid, dataDirectory))) return undefined;
  return {
    pid,
    startedAt: lines[2] ?? "",
    port: Number(lines[3]),
    ready: lines[7]?.trim() === "ready",
  };
}

/**
 * Removes a pid file whose process is another program, which got the number since, or a zombie: Postgres would
 * refuse to start beside it. One whose process is gone is left for Postgres to judge.
 *
 * The file also tells that a server did not shut down, so it is not removed before a server is started.
 */
export async function removeStalePidFile(dataDirectory: string): Promise<void> {
  const text = await readPidFile(dataDirectory);
  const pid = Number(text?.split("\n")[0]);
  if (text === undefined || !isPid(pid) || !isAlive(pid)) return;
  if (!(await servesDirectory(pid, dataDirectory))) await removePidFile(dataDirectory, text);
}

function isPid(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether process `pid` is a server of this directory. Where nothing tells, a live process counts as one. */
async function servesDirectory(pid: number, dataDirectory: string): Promise<boolean> {
  if (process.platform === "linux") {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
    if (command?.split("\0").includes(dataDirectory)) return true;
    // A server makes its data directory its working directory; this also finds one started by hand.
    return command === undefined || (await readlink(`/proc/${pid}/cwd`).catch(() => "")) === dataDirectory;
  }
  const { stdout, failed } = await startProgram("ps", ["-ww", "-o", "args=", "-p", String(pid)], {
    reject: false,
  });
  return failed || stdout.includes(dataDirectory);
}

/** Removes a pid file that says `stale`, and puts it back should it be a newer one after all. */
async function removePidFile(dataDirectory: string, stale: string): Promise<void> {
  const aside = join(dataDirectory, `postmaster.pid.stale-${process.pid}-${Date.now()}`);
  try {
    await rename(pidFile(dataDirectory), aside);
    if ((await readFile(aside, "utf8")) !== stale) await link(aside, pidFile(dataDirectory));
  } catch (error) {
    // Another process was faster.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  }
  await rm(aside, { force: true });
}

/** A zombie has ended, although its number is taken until its parent asks for it. */
export async function hasEnded(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return true;
  if (process.platform !== "linux") return false;
  return /\) Z /.test(await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""));
}

/**
 * How a server is ended: a fast shutdown (its sessions end, its data is written), and when that takes longer
 * than these milliseconds an immediate one, and then none at all.
 * https://www.postgresql.org/docs/current/server-shutdown.html
 */
const shutdowns = [
  { by: "SIGINT", withinMs: 30_000 },
  { by: "SIGQUIT", withinMs: 10_000 },
  { by: "SIGKILL", withinMs: 10_000 },
] as const;

/**
 * Ends a server, its sessions included, and waits until it is gone.
 *
 * @throws {PgSnapshotError} `PERMISSION_DENIED` when it is another account's
 */
export async function stopPostmaster(pid: number): Promise<void> {
  for (const { by, withinMs } of shutdowns) {
    try {
      process.kill(pid, by);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
      throw new PgSnapshotError("PERMISSION_DENIED", `the server, process ${pid}, is another account's`, {
        hint: "stop it as the account that started it",
        cause: error,
      });
    }
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await pause()) {
      if (await hasEnded(pid)) return;
    }
  }
}

/** Between two looks at a server that is starting or stopping. */
export async function pause(signal?: AbortSignal): Promise<void> {
  await delay(20, undefined, { signal }).catch(() => signal?.throwIfAborted());
}
