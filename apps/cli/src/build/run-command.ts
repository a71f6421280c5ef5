import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { execa, ExecaError, type Result } from "execa";
import { PgSnapshotError, resolveConnection, type BuildDatabase } from "@headstart/pg-snapshot";
import { printable } from "../output/format.ts";

export interface RunCommandOptions {
  readonly command: readonly [string, ...string[]];
  /** Folder it runs in. */
  readonly directory: string;
  /** All of its environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Gets all that it prints; the former run's is replaced. */
  readonly logFile: string;
}

/** Lines of output that a failure shows. */
const tailLines = 20;

/** Milliseconds between asking a command to end and ending it. */
const graceMs = 3_000;

/**
 * Runs a build command without a shell. Each line that it prints goes to the progress line and to the log. An
 * abort ends it and every process it started.
 *
 * @throws {PgSnapshotError} `BUILD_FAILED` with the end of its output
 */
export async function runCommand(options: RunCommandOptions, database: BuildDatabase): Promise<void> {
  const { command, directory, variables, logFile } = options;
  const [program, ...args] = command;
  const { signal } = database;
  signal.throwIfAborted();
  const hide = secretHider(database.url);
  const log = await openLog(logFile);
  const tail: string[] = [];
  const subprocess = execa(program, args, {
    cwd: directory,
    // Programs of the project's own node_modules, as in a package script.
    preferLocal: true,
    localDir: directory,
    env: { ...variables },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    buffer: false,
    reject: false,
    // A process group of its own can be ended with all that the command started.
    detached: process.platform !== "win32",
  });
  const ending = endOnAbort(subprocess.pid, signal);
  try {
    for await (const line of subprocess.iterable({ from: "all" })) {
      const shown = hide(line);
      log?.write(`${shown}\n`);
      if (shown.trim() === "") continue;
      tail.push(printable(shown));
      if (tail.length > tailLines) tail.shift();
      database.report(shown);
    }
  } catch (error) {
    // Reading ends with the command's own failure, which is told below.
    if (!(error instanceof ExecaError)) throw error;
  } finally {
    ending.stop();
    log?.end();
  }
  const result = await subprocess;
  signal.throwIfAborted();
  if (!result.failed) return;
  throw failure(command.join(" "), { result, tail, logFile: log && logFile });
}

async function openLog(file: string): Promise<WriteStream | undefined> {
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch {
    return undefined;
  }
  // A log that cannot be written is no reason to fail a build.
  return createWriteStream(file).on("error", () => undefined);
}

/** Ends the process group as soon as `signal` aborts: first asked, then forced. */
function endOnAbort(pid: number | undefined, signal: AbortSignal): { stop(): void } {
  let force: NodeJS.Timeout | undefined;
  const send = (name: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(process.platform === "win32" ? pid : -pid, name);
    } catch {
      // It has ended already.
    }
  };
  const end = (): void => {
    send("SIGTERM");
    force = setTimeout(() => send("SIGKILL"), graceMs);
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return {
    stop: () => {
      signal.removeEventListener("abort", end);
      clearTimeout(force);
      // The command itself has ended; what it left behind has no right to stay.
      if (signal.aborted) send("SIGKILL");
    },
  };
}

/** Programs print the address they were given; its password belongs in no log. */
function secretHider(url: string): (line: string) => string {
  const { password } = resolveConnection(url, {});
  if (password === undefined || password === "") return (line) => line;
  const forms = [...new Set([password, encodeURIComponent(password)])];
  return (line) => forms.reduce((text, form) => text.replaceAll(form, "***"), line);
}

interface Failure {
  readonly result: Pick<Result, "code" | "signal" | "exitCode">;
  readonly tail: readonly string[];
  readonly logFile: string | undefined;
}

function failure(command: string, { result, tail, logFile }: Failure): PgSnapshotError {
  if (result.code === "ENOENT") {
    return new PgSnapshotError("BUILD_FAILED", `the build's program was not found: ${command}`, {
      hint: "correct build.command; a program is looked for in node_modules/.bin and on PATH",
    });
  }
  const how = result.signal ?? result.code ?? `exit code ${result.exitCode}`;
  const said = tail.length === 0 ? "it printed nothing" : `its last lines:\n  ${tail.join("\n  ")}`;
  return new PgSnapshotError("BUILD_FAILED", `\`${command}\` ended with ${how}; ${said}`, {
    hint: `mend the build and run it again; the half-built database was dropped${logFile === undefined ? "" : `, all of the output is in ${logFile}`}`,
  });
}
