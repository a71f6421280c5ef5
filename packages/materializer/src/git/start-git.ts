import { spawn, type ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { GitError } from "./git-error.ts";

export interface GitProcess {
  readonly child: ChildProcess & {
    readonly stdin: Writable;
    readonly stdout: Readable;
    readonly stderr: Readable;
  };
  /** How it ended: empty when it ended well. */
  readonly closed: Promise<string>;
}

/**
 * Starts git as the leader of a process group, so that Ctrl-C in a terminal does not end it in the middle of what is
 * being finished.
 *
 * @param environment all of it: nothing is inherited.
 * @param pipes how many, with those of input, output and errors.
 * @throws GitError `Transient` when no descriptors are left for its pipes.
 */
export function startGit(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  pipes = 3,
): GitProcess {
  const stdio = Array.from({ length: pipes }, () => "pipe" as const);
  const child = spawn("git", args, { env: environment, detached: true, stdio });
  // At once: what keeps it from being started is told by an event, and one that nobody listens to ends this process.
  const closed = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? "" : `exit ${signal ?? code}`));
  });
  if (!hasPipes(child)) {
    throw new GitError("Transient", "git could not be started: this process has no file descriptors left.", {
      hint: "It is tried again. Raise the limit on open files (ulimit -n), or build fewer branches at a time.",
    });
  }
  return { child, closed };
}

/** Node leaves the streams out when it runs out of descriptors, whatever its types say. */
function hasPipes(child: ChildProcess): child is GitProcess["child"] {
  return Boolean(child.stdin && child.stdout && child.stderr);
}
