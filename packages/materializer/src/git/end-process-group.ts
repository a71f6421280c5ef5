import type { ChildProcess } from "node:child_process";

/** Milliseconds between asking a process to end and ending it. */
const graceMs = 2_000;

const running = new Set<number>();

process.on("exit", () => {
  for (const group of running) signalGroup(group, "SIGKILL");
});

/**
 * Keeps account of a child that leads a process group, so that this process does not leave it behind when it exits.
 * Git works through processes of its own, and these outlive it: `git fetch` that is killed leaves `git-remote-https`
 * waiting for the server.
 */
export function trackGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  running.add(pid);
  child.once("close", () => running.delete(pid));
}

/** Ends a child and all that it started: asked first, and forced after a grace. Await the child's `close`. */
export function endProcessGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  const force = setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs);
  child.once("close", () => clearTimeout(force));
  child.once("exit", () => signalGroup(pid, "SIGKILL"));
  signalGroup(pid, child.exitCode === null && child.signalCode === null ? "SIGTERM" : "SIGKILL");
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It is gone already.
  }
}
