import { execa, ExecaError } from "execa";
import { PgSnapshotError } from "../errors.ts";
import type { Tool } from "./find-tool.ts";

export interface RunToolOptions {
  /** Connection variables; of our own environment only what {@link inherited} names is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** Code of the error when the tool fails. */
  readonly failureCode: "DUMP_FAILED" | "RESTORE_FAILED";
  /** A file to read standard input from. */
  readonly inputFile?: string | undefined;
  /** A file to write standard output to. */
  readonly outputFile?: string | undefined;
  /** Called with every line of standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a tool needs of our environment: where things are, where passwords are, and nothing of the project's. */
const inherited = [
  "PATH",
  "HOME",
  "TMPDIR",
  "PGPASSFILE",
  "PGSYSCONFDIR",
  "DOCKER_HOST",
  "DOCKER_CONFIG",
  "SystemRoot",
];

/** Lines of standard error that a failure shows. */
const tailLines = 12;
/** Milliseconds between SIGTERM and SIGKILL. */
const forceKillAfterMs = 5_000;

/**
 * Runs a tool to its end. It never prompts: standard input is closed unless a file is given, and callers pass
 * `-w`. Messages are English whatever the locale, so that they can be understood.
 *
 * An abort ends the process, with SIGKILL if it does not heed SIGTERM, before the signal's reason is thrown.
 *
 * @throws {PgSnapshotError} `failureCode` with the end of standard error, `DISK_FULL`, `SERVER_UNREACHABLE`,
 * `AUTHENTICATION_FAILED`, `TOOL_TOO_OLD`, `EXTENSION_MISSING`
 */
export async function runTool(tool: Tool, args: readonly string[], options: RunToolOptions): Promise<void> {
  const { environment, inputFile, outputFile, onLine, signal } = options;
  signal?.throwIfAborted();
  const own = Object.fromEntries(inherited.map((name) => [name, process.env[name]]));
  const [program, ...leading] = tool.command;
  const tail: string[] = [];
  const subprocess = execa(program, [...leading, ...args], {
    env: { ...own, LC_ALL: "C", ...environment },
    extendEnv: false,
    stdin: inputFile === undefined ? "ignore" : { file: inputFile },
    stdout: outputFile === undefined ? "ignore" : { file: outputFile },
    stderr: "pipe",
    buffer: false,
    forceKillAfterDelay: forceKillAfterMs,
    ...(signal && { cancelSignal: signal }),
  });
  const reading = (async () => {
    for await (const line of subprocess.iterable({ from: "stderr" })) {
      tail.push(line);
      if (tail.length > tailLines) tail.shift();
      onLine?.(line);
    }
    // The iterable repeats the process's own failure, which is handled once, below.
  })().catch(() => undefined);
  try {
    await subprocess;
    await reading;
  } catch (error) {
    await reading;
    signal?.throwIfAborted();
    throw explainFailure(error, { tool, options, tail });
  }
}

/** Messages of pg_dump and pg_restore that mean something of their own. */
const knownMessages: readonly { pattern: RegExp; code: PgSnapshotError["code"]; hint: string }[] = [
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
    pattern: /password authentication failed|no password supplied|fe_sendauth/i,
    code: "AUTHENTICATION_FAILED",
    hint: "check user and password (URL, PGPASSWORD or .pgpass)",
  },
  {
    pattern: /extension "[^"]*" is not available|could not open extension control file/i,
    code: "EXTENSION_MISSING",
    hint: "install the extension's files on the server",
  },
  {
    pattern:
      /server closed the connection unexpectedly|terminating connection|connection to server .* failed|could not connect to server|the database system is/i,
    code: "SERVER_UNREACHABLE",
    hint: "the server went away: start it and run it again",
  },
];

interface FailureContext {
  readonly tool: Tool;
  readonly options: RunToolOptions;
  readonly tail: readonly string[];
}

function explainFailure(error: unknown, { tool, options, tail }: FailureContext): PgSnapshotError {
  const password = options.environment["PGPASSWORD"];
  const text = tail.join("\n");
  const safe = password ? text.replaceAll(password, "***") : text;
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
