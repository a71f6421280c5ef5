import { ExecaError, type ResultPromise } from "execa";
import { PgSnapshotError, type PgSnapshotErrorCode } from "../errors.ts";
import { startProgram } from "../start-program.ts";
import { commandLine } from "./container-command.ts";
import type { Tool } from "./find-tool.ts";

export interface RunToolOptions {
  /** Connection variables; of our own environment only what {@link inherited} matches is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** Code of the error when the tool fails. */
  readonly failureCode: "DUMP_FAILED" | "RESTORE_FAILED";
  /** A file to read standard input from. */
  readonly inputFile?: string | undefined;
  /** A file to write standard output to. */
  readonly outputFile?: string | undefined;
  /** Called with every line of standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Asked when the tool ended by itself with exit code 1: whether its work is done all the same. */
  readonly succeededDespite?: (() => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a tool needs of our environment: where things are, where passwords are, and nothing of the project's. */
const inherited =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|SystemRoot|PGPASSFILE|PGSERVICEFILE|PGSYSCONFDIR|PGSSL\w+|PGREQUIRESSL|PGKRBSRVNAME|PGGSSLIB|KRB5\w*)$/;
/** What a container's program needs besides. */
const inheritedByPrefix =
  /^(DOCKER_\w+|COMPOSE_\w+|CONTAINER_\w+|KUBECONFIG|SSH_AUTH_SOCK|XDG_RUNTIME_DIR|XDG_CONFIG_HOME)$/;

/** Lines of standard error that a failure shows, and characters of each. */
const tailLines = 12;
const tailLineLength = 2_000;
/** Milliseconds between SIGTERM and SIGKILL. */
const forceKillAfterMs = 5_000;

/**
 * Runs a tool to its end. It never prompts: standard input is closed unless a file is given, and callers pass
 * `-w`. Messages are English whatever the locale, so that they can be understood.
 *
 * An abort ends the process, and behind a prefix all that it started, with SIGKILL if it does not heed SIGTERM,
 * before the signal's reason is thrown.
 *
 * @throws {PgSnapshotError} `failureCode` with the end of standard error, `DISK_FULL`, `SERVER_UNREACHABLE`,
 * `AUTHENTICATION_FAILED`, `TOO_MANY_CONNECTIONS`, `PERMISSION_DENIED`, `TOOL_TOO_OLD`, `EXTENSION_MISSING`
 */
export async function runTool(tool: Tool, args: readonly string[], options: RunToolOptions): Promise<void> {
  const { inputFile, outputFile, onLine, signal } = options;
  signal?.throwIfAborted();
  const { program, args: all, environment } = commandLine(tool, args, options.environment);
  const tail: string[] = [];
  const subprocess = startProgram(program, all, {
    env: { ...inheritedEnvironment(tool), LC_ALL: "C", ...environment },
    extendEnv: false,
    stdin: inputFile === undefined ? "ignore" : { file: inputFile },
    stdout: outputFile === undefined ? "ignore" : { file: outputFile },
    stderr: "pipe",
    buffer: false,
    // A group of its own, so that what a prefix starts can be ended with it.
    detached: tool.prefixed,
  });
  const stopListening = endOnAbort(subprocess, tool, signal);
  const reading = (async () => {
    for await (const line of subprocess.iterable({ from: "stderr" })) {
      tail.push(line.slice(0, tailLineLength));
      if (tail.length > tailLines) tail.shift();
      onLine?.(line);
    }
  })();
  // Both are waited for whatever becomes of either; the iterable repeats the process's own failure.
  const [ended, read] = await Promise.allSettled([subprocess, reading]);
  stopListening();
  signal?.throwIfAborted();
  if (ended.status === "fulfilled") {
    if (read.status === "rejected") throw read.reason;
    return;
  }
  const byItself = ended.reason instanceof ExecaError && ended.reason.exitCode === 1;
  if (byItself && options.succeededDespite?.()) return;
  throw explainFailure(ended.reason, { tool, options, tail });
}

function inheritedEnvironment(tool: Tool): Record<string, string> {
  const wanted = (name: string): boolean =>
    inherited.test(name) || (tool.prefixed && inheritedByPrefix.test(name));
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => wanted(entry[0])),
  );
}

/** Ends the process, or behind a prefix its group, when `signal` aborts or our own process exits. */
function endOnAbort(
  subprocess: ResultPromise,
  { prefixed }: Tool,
  signal: AbortSignal | undefined,
): () => void {
  let force: NodeJS.Timeout | undefined;
  const send = (by: NodeJS.Signals): void => {
    if (subprocess.pid === undefined) return;
    try {
      process.kill(prefixed ? -subprocess.pid : subprocess.pid, by);
    } catch {
      // It has ended already.
    }
  };
  const abort = (): void => {
    send("SIGTERM");
    force = setTimeout(() => send("SIGKILL"), forceKillAfterMs);
  };
  const exit = (): void => send("SIGTERM");
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  process.once("exit", exit);
  return () => {
    clearTimeout(force);
    signal?.removeEventListener("abort", abort);
    process.removeListener("exit", exit);
  };
}

/** Takes what must not be seen out of a text, also where it is part of a URL. */
function redact(text: string, environment: Readonly<Record<string, string>>): string {
  const secrets = [environment["PGPASSWORD"], environment["PGSSLPASSWORD"]].flatMap((secret) =>
    secret ? [secret, encodeURIComponent(secret)] : [],
  );
  return secrets
    .reduce((safe, secret) => safe.replaceAll(secret, "***"), text)
    .replaceAll(/(\bpostgres(?:ql)?:\/\/[^\s:@/]*:)[^\s@]*@/g, "$1***@")
    .replaceAll(/(\bpassword=)('[^']*'|\S+)/gi, "$1***");
}

/** Messages of pg_dump and pg_restore that mean something of their own; the first that fits counts. */
const knownMessages: readonly {
  readonly pattern: RegExp;
  readonly code: PgSnapshotErrorCode;
  readonly hint: string;
}[] = [
  {
    pattern: /No space left on device|could not extend file|disk full/i,
    code: "DISK_FULL",
    hint: "free space and run it again",
  },
  {
    pattern: /server version mismatch/i,
    code: "TOOL_TOO_OLD",
    hint: "install client tools of the server's version",
  },
  {
    pattern: /password authentication failed|no password supplied|fe_sendauth|no pg_hba\.conf entry/i,
    code: "AUTHENTICATION_FAILED",
    hint: "check user and password (URL, PGPASSWORD or .pgpass)",
  },
  {
    pattern: /too many clients already|remaining connection slots are reserved/i,
    code: "TOO_MANY_CONNECTIONS",
    hint: "close connections, or raise max_connections",
  },
  {
    pattern: /extension "[^"]*" is not available|could not open extension control file/i,
    code: "EXTENSION_MISSING",
    hint: "install the extension's files on the server",
  },
  {
    pattern:
      /server closed the connection unexpectedly|terminating connection|could not connect to server|connection to server .* failed: (?!FATAL)|the database system is/i,
    code: "SERVER_UNREACHABLE",
    hint: "start the server, or check host and port of its address, and run it again",
  },
  {
    pattern: /permission denied/i,
    code: "PERMISSION_DENIED",
    hint: "use a role that owns what is dumped or restored, or a superuser",
  },
];

interface FailureContext {
  readonly tool: Tool;
  readonly options: RunToolOptions;
  readonly tail: readonly string[];
}

function explainFailure(error: unknown, { tool, options, tail }: FailureContext): PgSnapshotError {
  const text = tail.join("\n");
  const safe = redact(text, options.environment);
  if (error instanceof ExecaError && error.code === "ENOSPC") {
    return new PgSnapshotError("DISK_FULL", `${tool.name}: no space left on device`, {
      hint: "free space and run it again",
    });
  }
  const known = knownMessages.find(({ pattern }) => pattern.test(text));
  const end = error instanceof ExecaError ? (error.signal ?? `exit code ${error.exitCode}`) : String(error);
  return new PgSnapshotError(
    known?.code ?? options.failureCode,
    `${tool.name} ${tool.version} failed (${end}): ${safe || "it said nothing"}`,
    { hint: known?.hint },
  );
}
