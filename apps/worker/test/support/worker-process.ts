import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A line of the worker's log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** `headstart-worker` as a process of its own, as it is published: `vitest.build.ts` builds it. */
export interface WorkerProcess {
  readonly pid: number;
  /** What it logged so far. */
  readonly log: readonly LogLine[];
  /** All that it wrote, to find what should not be there. */
  readonly output: () => string;
  readonly stderr: () => string;
  /** Resolves with the first such line, said already or to come; rejects when the process ends before it. */
  logged(event: string, matches?: (line: LogLine) => boolean): Promise<LogLine>;
  /** Where it listens; resolves once it does. */
  url(): Promise<string>;
  send(signal: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it; resolves once it is gone and its output was read. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  /** The whole environment, beside what Node and git need. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A command that runs it as itself: on another host, for instance. */
  readonly through?: readonly string[];
}

const program = fileURLToPath(new URL("../../bin/headstart-worker.js", import.meta.url));

/** Starts one; it is killed at the end of the test if it still lives. */
export function startWorkerProcess(options: StartOptions = {}): WorkerProcess {
  const { args = [], environment = {}, cwd, through = [] } = options;
  const [command = "", ...rest] = [...through, process.execPath, program, ...args];
  const child = spawn(command, rest, {
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd !== undefined && { cwd }),
  });
  const exited = (once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>).then(
    ([code, signal]) => code ?? signal ?? 0,
  );
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { ...watch(child, exited), pid: child.pid ?? 0, exited };
}

type Watched = Pick<WorkerProcess, "log" | "output" | "stderr" | "logged" | "url" | "send">;

function watch(child: ChildProcess, exited: Promise<unknown>): Watched {
  const log: LogLine[] = [];
  const waiting = new Set<() => void>();
  const texts = { stdout: "", stderr: "" };
  child.stderr?.on("data", (chunk: Buffer) => (texts.stderr += chunk.toString()));
  createInterface({ input: child.stdout! }).on("line", (line) => {
    texts.stdout += `${line}\n`;
    if (!line.startsWith('{"at"')) return;
    log.push(JSON.parse(line) as LogLine);
    for (const look of waiting) look();
  });
  const logged: WorkerProcess["logged"] = async (event, matches = () => true) =>
    await new Promise((resolve, reject) => {
      const look = (): void => {
        const found = log.find((line) => line.event === event && matches(line));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void exited.then(() => {
        look();
        reject(new Error(`The worker ended without "${event}":\n${texts.stdout}${texts.stderr}`));
      });
    });
  return {
    log,
    logged,
    output: () => texts.stdout + texts.stderr,
    stderr: () => texts.stderr,
    url: async () => String((await logged("worker.listening"))["url"]),
    send: (signal) => void child.kill(signal),
  };
}
