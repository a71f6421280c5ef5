import { readFile, readdir, readlink } from "node:fs/promises";

/**
 * Ends what a killed server left: backends that are busy with a query go on without it, and Postgres starts no
 * new server in a directory whose shared memory they still use. Only Linux tells which these are; elsewhere
 * they are waited for.
 */
export async function endOrphanBackends(dataDirectory: string): Promise<void> {
  if (process.platform !== "linux") return;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    if (!(await isBackendOf(pid, dataDirectory))) continue;
    try {
      process.kill(pid, "SIGQUIT");
    } catch {
      // It ended by itself, or it is another account's and has to be waited for.
    }
  }
}

/** Backends name themselves `postgres: …` and work in the data directory. A server itself does not. */
async function isBackendOf(pid: number, dataDirectory: string): Promise<boolean> {
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (directory !== dataDirectory) return false;
  const title = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return title.startsWith("postgres: ");
}
