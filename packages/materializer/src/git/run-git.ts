import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { failureOf } from "./classify-failure.ts";
import { endProcessGroup, trackGroup } from "./end-process-group.ts";
import { GitError, throwIfAborted } from "./git-error.ts";
import type { Redact } from "./redact.ts";
import { startGit } from "./start-git.ts";

export interface RunOptions {
  /** The whole environment of the process: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly redact: Redact;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Ends git too: the mirror is being disposed of. */
  readonly closing?: AbortSignal | undefined;
  readonly input?: string | undefined;
}

/** How a run ended. `ok` is false when git said so itself; a run that was ended by us throws instead. */
export interface Ended {
  readonly ok: boolean;
  readonly stderr: string;
  /** What it would be as an error. */
  failure(): GitError;
}

const mostStderr = 64 * 1024;

/**
 * Runs git by its arguments and streams its output. Leaving the loop, the signal and the timeout all end git and
 * everything it started, and nothing is thrown before they are gone.
 *
 * simple-git is not used here: it gives text, and ends the one process it started.
 *
 * @throws GitError
 */
export async function* streamGit(
  args: readonly string[],
  options: RunOptions,
): AsyncGenerator<Buffer, Ended> {
  throwIfAborted(options.signal);
  throwIfAborted(options.closing);
  // Descriptor 3 takes the headers of HTTP, when git was asked for them: a server says there when to come back.
  const { child, closed } = startGit(args, options.environment, 4);
  trackGroup(child);
  const stderr = collectText(child.stderr);
  const headers = collectText(child.stdio[3] as Readable);
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const stop = stopper(child, options);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const exit = await closed;
    stop.throwIfStopped();
    const [said, seen] = [await stderr, await headers];
    const failed = { command: args[0] ?? "", stderr: said, exit, retryAfter: retryAfter(seen) };
    return { ok: exit === "", stderr: said, failure: () => failureOf(failed, options.redact) };
  } catch (error) {
    stop.throwIfStopped();
    throw error;
  } finally {
    stop.clear();
    if (child.exitCode === null && child.signalCode === null) endProcessGroup(child);
    child.stdout.destroy();
    await closed;
  }
}

/** Runs git to its end. Its output has to be small. @throws GitError only when it was ended by us */
export async function runGit(
  args: readonly string[],
  options: RunOptions,
): Promise<Ended & { stdout: Buffer }> {
  const chunks: Buffer[] = [];
  const stream = streamGit(args, options);
  for (;;) {
    const next = await stream.next();
    if (next.done) return { ...next.value, stdout: Buffer.concat(chunks) };
    chunks.push(next.value);
  }
}

interface Stopper {
  throwIfStopped(): void;
  clear(): void;
}

function stopper(child: ChildProcess, { signal, closing, timeoutMs }: RunOptions): Stopper {
  let late = false;
  const abort = (): void => endProcessGroup(child);
  const timer = setTimeout(() => {
    late = true;
    endProcessGroup(child);
  }, timeoutMs);
  signal?.addEventListener("abort", abort, { once: true });
  closing?.addEventListener("abort", abort, { once: true });
  return {
    throwIfStopped: () => {
      throwIfAborted(signal);
      throwIfAborted(closing);
      if (late) {
        throw new GitError("Transient", `git took longer than ${timeoutMs} ms.`, {
          hint: "It is tried again. If the repository is that large, raise `timeoutMs`.",
        });
      }
    },
    clear: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      closing?.removeEventListener("abort", abort);
    },
  };
}

/** The end of what is said, read on to the last byte so that nobody blocks on a full pipe. */
async function collectText(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => (text = (text + chunk).slice(-mostStderr)));
  await new Promise((resolve) => stream.once("close", resolve).once("error", resolve));
  return text;
}

function retryAfter(headers: string): string | undefined {
  return [...headers.matchAll(/Recv header: retry-after: *(.*?)\s*$/gim)].at(-1)?.[1];
}
