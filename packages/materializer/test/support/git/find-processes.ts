import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes of this machine whose command line or environment holds a text, whoever their parent is by now. Where
 * there is no /proc, command lines alone are looked at.
 */
export async function findProcesses(text: string): Promise<FoundProcess[]> {
  const pids = await readdir("/proc").catch(() => undefined);
  if (pids === undefined) return await fromPs(text);
  const found: FoundProcess[] = [];
  for (const pid of pids.map(Number).filter((number) => number > 0 && number !== process.pid)) {
    const command = await read(`/proc/${pid}/cmdline`);
    const environment = await read(`/proc/${pid}/environ`);
    // One that has ended and waits for its parent to notice has neither.
    if (command.includes(text) || environment.includes(text)) found.push({ pid, command });
  }
  return found;
}

/** Command lines of all processes, as anybody on the machine can read them. */
export async function allCommandLines(): Promise<string[]> {
  return (await findProcesses("")).map(({ command }) => command);
}

async function read(path: string): Promise<string> {
  return (await readFile(path, "utf8").catch(() => "")).replaceAll("\0", " ");
}

async function fromPs(text: string): Promise<FoundProcess[]> {
  const { stdout } = await promisify(execFile)("ps", ["axww", "-o", "pid=,args="]);
  return stdout
    .split("\n")
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }))
    .filter(({ pid, command }) => pid > 0 && pid !== process.pid && command.includes(text));
}
