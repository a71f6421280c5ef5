import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** What a running server wrote into `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

const pidFile = (dataDirectory: string): string => join(dataDirectory, "postmaster.pid");

/**
 * The server that runs in a data directory. A pid file whose process is gone, or is another program that got
 * the number since, is stale and removed: Postgres itself would refuse to start beside the latter.
 *
 * The lines of the file: https://www.postgresql.org/docs/current/storage-file-layout.html and `miscinit.c`.
 */
export async function findPostmaster(dataDirectory: string): Promise<Postmaster | undefined> {
  const text = await readFile(pidFile(dataDirectory), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (!isAlive(pid)) return undefined;
  if (!(await isPostgres(pid))) {
    const unchanged = (await readFile(pidFile(dataDirectory), "utf8").catch(() => undefined)) === text;
    if (unchanged) await rm(pidFile(dataDirectory), { force: true });
    return undefined;
  }
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Where `/proc` cannot tell, a live process counts as the server. */
async function isPostgres(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
  return command === undefined || command.includes("postgres") || command.includes("postmaster");
}

/** A zombie has ended, although its number is still taken until its parent asks. */
async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return /\) Z /.test(stat);
}

/** Ends a server by a fast shutdown, its sessions included, and waits until it is gone. */
export async function stopPostmaster(pid: number, signal?: AbortSignal): Promise<void> {
  try {
    process.kill(pid, "SIGINT");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
    throw error;
  }
  await untilEnded(pid, signal);
}

export async function untilEnded(pid: number, signal?: AbortSignal): Promise<void> {
  while (isAlive(pid) && !(await isZombie(pid))) await pause(signal);
}

/** Between two looks at a server that is starting or stopping. */
export async function pause(signal?: AbortSignal): Promise<void> {
  await delay(20, undefined, { signal }).catch(() => signal?.throwIfAborted());
}
