import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface WorkerProcess {
  readonly pid: number;
  /** What it built so far. */
  readonly built: { readonly ref: string; readonly result: string }[];
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a worker process and waits until it is at work. */
export async function startWorker(config: object): Promise<WorkerProcess> {
  const child = spawn(
    process.execPath,
    ["--conditions=@headstart/source", "--import", "tsx", new URL("worker.ts", import.meta.url).pathname],
    { env: { ...process.env, WORKER_CONFIG: JSON.stringify(config) }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const built: { ref: string; result: string }[] = [];
  const exited = once(child, "exit") as Promise<[number | null]>;
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = JSON.parse(line) as { ready?: number; ref?: string; result?: string };
      if (said.ready !== undefined) resolve();
      if (said.ref !== undefined && said.result !== undefined)
        built.push({ ref: said.ref, result: said.result });
    });
    void exited.then(() => reject(new Error("the worker ended before it was ready")));
  });
  return {
    pid: child.pid ?? 0,
    built,
    kill: async (signal) => {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}
