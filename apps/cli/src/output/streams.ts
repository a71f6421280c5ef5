import type { OutputStream } from "./output.ts";

/**
 * Keeps standard output for the answer: whatever else is written there from now on goes to standard error, such as
 * what a configuration or a build prints.
 *
 * @returns standard output as it was
 */
export function reserveStdout(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): OutputStream {
  const write = stdout.write.bind(stdout);
  const divert = (...args: Parameters<typeof write>): boolean => {
    stderr.write(...args);
    // Never full: who is told so waits for standard output to drain, and nothing was written to that.
    return true;
  };
  stdout.write = divert as typeof stdout.write;
  return { isTTY: stdout.isTTY, columns: stdout.columns, write };
}

/** What is written to a pipe that is closed, and to a terminal that is gone. */
const nobodyReads = new Set(["EPIPE", "EIO"]);

/** Who reads a stream may stop reading, as `head` does, or be gone with the terminal; that is no failure. */
export function allowNoReader(stream: NodeJS.EventEmitter): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!nobodyReads.has(error.code ?? "")) throw error;
  });
}
