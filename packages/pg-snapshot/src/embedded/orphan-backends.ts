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
    if (!(await isOrphanBackend(pid, dataDirectory))) continue;
    try {
      process.kill(pid, "SIGQUIT");
    } catch {
      // It ended by itself, or it is another account's and has to be waited for.
    }
  }
}

/** A server and its backends work in the data directory; a backend whose parent does not has lost its server. */
async function isOrphanBackend(pid: number, dataDirectory: string): Promise<boolean> {
  if ((await workingDirectory(pid)) !== dataDirectory) return false;
  const title = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (!title.startsWith("postgres: ")) return false;
  // The name, in brackets, may hold anything: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const parent = /^.*\) \S (\d+) /s.exec(stat)?.[1];
  return parent !== undefined && (await workingDirectory(Number(parent))) !== dataDirectory;
}

async function workingDirectory(pid: number): Promise<string | undefined> {
  return await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
}
