import type { Writable } from "node:stream";
import { ByteReader } from "./byte-reader.ts";
import { failureOf } from "./classify-failure.ts";
import { aborted, GitError, throwIfAborted } from "./git-error.ts";
import type { RunOptions } from "./run-git.ts";
import { startGit, type GitProcess } from "./start-git.ts";

export interface ObjectInfo {
  readonly oid: string;
  readonly type: string;
  /** Bytes. */
  readonly size: number;
}

/** Milliseconds without a question after which the process is let go. */
const idleMs = 30_000;

/** Questions of one round: few enough to fit into a pipe that nobody empties. */
const mostQuestions = 512;

/**
 * Objects of one repository, by one `git cat-file --batch-command` that lives as long as it is used.
 *
 * Questions are answered one round after the other, and a round is read to its end before anything is handed out, so
 * a caller that stops reading leaves nothing of its own in the pipe. A round that is aborted or fails takes the
 * process with it; the next one starts another.
 */
export class ObjectReader implements AsyncDisposable {
  readonly #options: RunOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #process: Process | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** @param options its `signal` is not looked at: each question has its own */
  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** What these are, in their order; undefined for those that are not here. They may be `<oid>^{tree}`. */
  async info(names: readonly string[], signal?: AbortSignal): Promise<(ObjectInfo | undefined)[]> {
    const found: (ObjectInfo | undefined)[] = [];
    for (let start = 0; start < names.length; start += mostQuestions) {
      const some = names.slice(start, start + mostQuestions);
      const ask = async ({ input, output }: Process): Promise<(ObjectInfo | undefined)[]> => {
        const infos: (ObjectInfo | undefined)[] = [];
        input.write(`${some.map((name) => `info ${name}\n`).join("")}flush\n`);
        for (const name of some) {
          const line = output.line();
          infos.push(parseInfo(typeof line === "string" ? line : await line, name));
        }
        return infos;
      };
      found.push(...(await this.#round(ask, signal)));
    }
    return found;
  }

  /**
   * The bytes of these, in their order; undefined for those that are not here. All are in memory at once: ask for
   * their sizes first.
   */
  async contents(names: readonly string[], signal?: AbortSignal): Promise<(Buffer | undefined)[]> {
    const found: (Buffer | undefined)[] = [];
    for (let start = 0; start < names.length; start += mostQuestions) {
      const some = names.slice(start, start + mostQuestions);
      const ask = async ({ input, output }: Process): Promise<(Buffer | undefined)[]> => {
        const contents: (Buffer | undefined)[] = [];
        input.write(`${some.map((name) => `contents ${name}\n`).join("")}flush\n`);
        for (const name of some) {
          const line = output.line();
          const info = parseInfo(typeof line === "string" ? line : await line, name);
          // With the newline that git puts after it.
          const bytes = info && output.bytes(info.size + 1);
          contents.push((bytes instanceof Promise ? await bytes : bytes)?.subarray(0, -1));
        }
        return contents;
      };
      found.push(...(await this.#round(ask, signal)));
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#process;
    this.#drop();
    await running?.closed;
  }

  async #round<T>(ask: (running: Process) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    throwIfAborted(signal);
    let begun = false;
    const round = this.#turn.then(async () => {
      begun = true;
      return await this.#ask(ask, signal);
    });
    this.#turn = round.catch(() => undefined);
    // Whoever waits for others to be answered need not when nobody wants to know any more.
    let giveUp = (): void => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => void (begun || reject(aborted(signal)));
    });
    signal?.addEventListener("abort", giveUp, { once: true });
    return await Promise.race([round, givenUp]).finally(() => signal?.removeEventListener("abort", giveUp));
  }

  async #ask<T>(ask: (running: Process) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    throwIfAborted(signal);
    throwIfAborted(this.#options.closing);
    clearTimeout(this.#idle);
    const used = this.#process;
    const running = (this.#process = used ?? start(this.#options));
    const { timeoutMs, redact } = this.#options;
    let late = false;
    const end = (): void => void running.child.kill("SIGKILL");
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    signal?.addEventListener("abort", end, { once: true });
    try {
      const answer = await ask(running);
      this.#idle = setTimeout(() => this.#drop(), idleMs).unref();
      return answer;
    } catch (cause) {
      this.#drop();
      const exit = await running.closed;
      throwIfAborted(signal);
      throwIfAborted(this.#options.closing);
      if (late) throw new GitError("Transient", `Reading objects took longer than ${timeoutMs} ms.`);
      if (cause instanceof GitError) throw cause;
      // One that somebody ended while it was idle says nothing about what was asked: a new one does.
      if (used !== undefined) return await this.#ask(ask, signal);
      throw failureOf({ command: "cat-file", stderr: running.stderr(), exit }, redact);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }

  #drop(): void {
    clearTimeout(this.#idle);
    this.#process?.child.kill("SIGKILL");
    this.#process = undefined;
  }
}

interface Process extends GitProcess {
  readonly input: Writable;
  readonly output: ByteReader;
  stderr(): string;
}

/** It ends with this process, for then its input does. */
function start({ environment }: RunOptions): Process {
  const { child, closed } = startGit(["cat-file", "--batch-command", "--buffer"], environment);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-4096)));
  child.stdin.on("error", () => undefined);
  return { child, closed, input: child.stdin, output: new ByteReader(child.stdout), stderr: () => stderr };
}

function parseInfo(line: string, name: string): ObjectInfo | undefined {
  if (line === `${name} missing`) return undefined;
  const match = /^([0-9a-f]+) (\w+) (\d+)$/.exec(line);
  if (match === null)
    throw new GitError("Corrupt", "git answered about an object in words that nobody knows.");
  const [, oid = "", type = "", size] = match;
  return { oid, type, size: Number(size) };
}
