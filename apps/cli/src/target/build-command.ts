import { execa, ExecaError } from "execa";
import type { BuildDatabase } from "@headstart/pg-snapshot";

export interface BuildCommandOptions {
  readonly command: readonly [string, ...string[]];
  /** Folder it runs in. */
  readonly directory: string;
  /** Names of the variables that the target declares. */
  readonly declared: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * What every program needs to run at all. The rest of the environment stays out: a variable that could change
 * the result has to be declared, and then it counts.
 */
const always = [
  "PATH",
  "HOME",
  "USER",
  "SHELL",
  "LANG",
  "LC_ALL",
  "TMPDIR",
  "TEMP",
  "SystemRoot",
  "PGPASSFILE",
];

/** Lines of output that a failure shows. */
const tailLines = 20;

/**
 * Runs a target's build command with `DATABASE_URL` of the empty database. Every line it prints goes to the
 * progress line.
 *
 * @throws {Error} with the end of its output
 */
export async function runBuildCommand(options: BuildCommandOptions, database: BuildDatabase): Promise<void> {
  const { command, directory, declared, environment } = options;
  const [program, ...args] = command;
  const names = [...always, ...declared];
  const passed = Object.fromEntries(names.map((name) => [name, environment[name]]));
  const tail: string[] = [];
  const subprocess = execa(program, args, {
    cwd: directory,
    // Programs of the project's own node_modules, as in a package script.
    preferLocal: true,
    localDir: directory,
    env: { ...passed, ...connectionVariables(database.url), DATABASE_URL: database.url },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    buffer: false,
    cancelSignal: database.signal,
    forceKillAfterDelay: 5_000,
  });
  const reading = (async () => {
    for await (const line of subprocess.iterable({ from: "all" })) {
      if (line.trim() === "") continue;
      tail.push(line);
      if (tail.length > tailLines) tail.shift();
      database.report(line);
    }
    // The iterable repeats the process's own failure, which is told below.
  })().catch(() => undefined);
  try {
    await subprocess;
    await reading;
  } catch (error) {
    await reading;
    database.signal.throwIfAborted();
    const how =
      error instanceof ExecaError
        ? (error.code ?? error.signal ?? `exit code ${error.exitCode}`)
        : String(error);
    throw new Error(`\`${command.join(" ")}\` ended with ${how}\n${tail.join("\n")}`, { cause: error });
  }
}

/** The same database for programs that read the `PG*` variables. */
function connectionVariables(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const socket = searchParams.get("host");
  return {
    PGHOST: socket ?? hostname,
    PGPORT: port || (searchParams.get("port") ?? "5432"),
    PGUSER: decodeURIComponent(username),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    ...(password !== "" && { PGPASSWORD: decodeURIComponent(password) }),
  };
}
