import { readdir, readFile } from "node:fs/promises";

/** Command lines of this machine's processes whose command line or environment holds a text. */
export async function findProcesses(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const command = await read(`/proc/${pid}/cmdline`);
    const environment = await read(`/proc/${pid}/environ`);
    if (command.includes(text) || environment.includes(text)) found.push(command);
  }
  return found;
}

/** Command lines alone: what everybody on a machine can see. */
export async function findCommandLines(text: string): Promise<string[]> {
  return (await findProcesses(text)).filter((command) => command.includes(text));
}

/** One that has ended meanwhile has neither. */
async function read(path: string): Promise<string> {
  return (await readFile(path, "utf8").catch(() => "")).replaceAll("\0", " ");
}
