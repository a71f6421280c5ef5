import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ServerChildRequest } from "./server-child.ts";

export interface ServerChildEvent {
  readonly event: "progress" | "started" | "left" | "failed" | "ended";
  readonly url?: string;
  readonly [field: string]: unknown;
}

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly events: readonly ServerChildEvent[];
  /** Resolves with the first such event, past or future; rejects when the process ends without. */
  until(event: ServerChildEvent["event"]): Promise<ServerChildEvent>;
  tell(what: "leave" | "stop" | "nothing"): void;
  /** How the process ended: an exit code or the name of a signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

const script = fileURLToPath(new URL("./server-child.ts", import.meta.url));

/** A real process that starts or joins an embedded server and then waits for a word. */
export function spawnServer(request: ServerChildRequest, options: SpawnOptions = {}): ServerProcess {
  const child = spawn(
    process.execPath,
    [
      "--conditions=@headstart/source",
      "--import",
      import.meta.resolve("tsx"),
      script,
      JSON.stringify(request),
    ],
    { stdio: ["pipe", "pipe", "pipe"], ...options },
  );
  return follow(child);
}

function follow(child: ChildProcess): ServerProcess {
  const events: ServerChildEvent[] = [];
  const listeners = new Set<(event: ServerChildEvent) => void>();
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin?.on("error", () => undefined);
  const publish = (event: ServerChildEvent): void => {
    events.push(event);
    for (const listener of listeners) listener(event);
  };
  if (child.stdout) {
    createInterface({ input: child.stdout }).on("line", (line) =>
      publish(JSON.parse(line) as ServerChildEvent),
    );
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("close", (code, signal) => {
      publish({ event: "ended", code, signal, stderr });
      resolve(signal ?? code ?? -1);
    });
  });
  return {
    pid: child.pid ?? 0,
    events,
    ended,
    until: async (wanted) =>
      await new Promise((resolve, reject) => {
        const listener = (event: ServerChildEvent): void => {
          if (event.event === wanted) resolve(event);
          else if (event.event === "ended") {
            reject(new Error(`the process ended first: ${JSON.stringify(events.slice(-3))}`));
          }
        };
        listeners.add(listener);
        for (const event of events) listener(event);
      }),
    tell: (what) => void child.stdin?.write(`${what}\n`),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
