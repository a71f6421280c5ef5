import { dirname } from "node:path";
import { startProgram } from "../start-program.ts";
import { PgSnapshotError } from "../errors.ts";
import { installAdvice } from "./install-advice.ts";
import { programFolders, programIn } from "./install-places.ts";

export interface ToolSettings {
  /** Runs the tools inside something else, for example `["docker", "compose", "exec", "-T", "db"]`. */
  readonly prefix?: readonly string[] | undefined;
  /** The folder of the tools; no other is looked at then. @default the variable `HEADSTART_PG_TOOLS` */
  readonly directory?: string | undefined;
  /**
   * The folder of the server's programs, where it is none of the usual places: tools that lie beside them are
   * found as well. @default the variable `HEADSTART_POSTGRES_BIN`
   */
  readonly beside?: string | undefined;
}

export type ToolName = "pg_dump" | "pg_restore";

/** A client program of Postgres that can be run. */
export interface Tool {
  readonly name: ToolName;
  /** Program and leading arguments. */
  readonly command: readonly [string, ...string[]];
  readonly major: number;
  /** For example `15.18`. */
  readonly version: string;
  /** Whether it runs behind a prefix, where our paths and network may mean nothing. */
  readonly prefixed: boolean;
}

export interface FindToolOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tool that fits a server: of the server's own major version where there is one, else of the next newer
 * one, and of these the latest release. An older pg_dump refuses a newer server; one much newer writes archives
 * that fewer can read, and its pg_restore speaks of settings that an older server does not know.
 *
 * @throws {PgSnapshotError} `TOOL_MISSING`, `TOOL_TOO_OLD`
 */
export async function findTool(
  name: ToolName,
  serverMajor: number,
  settings: ToolSettings = {},
  options: FindToolOptions = {},
): Promise<Tool> {
  const { tools, failures } = await survey(name, settings, options);
  const best = chooseTool(tools, serverMajor);
  if (best) return best;
  const newest = tools[0];
  if (newest) throw tooOld(newest, serverMajor, settings);
  throw missing(name, serverMajor, { settings, failures });
}

/** Every version of a tool that is found, newest first. */
export async function listTools(
  name: ToolName,
  settings: ToolSettings = {},
  options: FindToolOptions = {},
): Promise<Tool[]> {
  return (await survey(name, settings, options)).tools;
}

/** @param tools newest first */
export function chooseTool<T extends { readonly major: number }>(
  tools: readonly T[],
  serverMajor: number,
): T | undefined {
  const usable = tools.filter((tool) => tool.major >= serverMajor);
  const nearest = Math.min(...usable.map((tool) => tool.major));
  return usable.find((tool) => tool.major === nearest);
}

/** The tools that answered, newest first, and what the others said instead. */
interface Survey {
  readonly tools: Tool[];
  readonly failures: string[];
}

async function survey(name: ToolName, settings: ToolSettings, options: FindToolOptions): Promise<Survey> {
  options.signal?.throwIfAborted();
  const commands = await candidateCommands(name, settings);
  const probes = await Promise.all(commands.map((command) => probe(command)));
  options.signal?.throwIfAborted();
  const tools: Tool[] = [];
  const failures: string[] = [];
  for (const [index, command] of commands.entries()) {
    const answer = probes[index];
    if (answer?.version === undefined) failures.push(answer?.failure ?? "");
    else {
      const { version } = answer;
      const prefixed = command.length > 1;
      tools.push({ name, command, version, major: Number.parseInt(version, 10), prefixed });
    }
  }
  tools.sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
  return { tools, failures };
}

async function candidateCommands(
  name: ToolName,
  {
    prefix: [program, ...rest] = [],
    directory,
    beside = process.env["HEADSTART_POSTGRES_BIN"] || undefined,
  }: ToolSettings,
): Promise<[string, ...string[]][]> {
  if (program !== undefined) return [[program, ...rest, name]];
  const given = directory ?? (process.env["HEADSTART_PG_TOOLS"] || undefined);
  const folders = given === undefined ? [...(beside ? [beside] : []), ...(await programFolders())] : [given];
  const programs = await Promise.all(folders.map((folder) => programIn(folder, name)));
  return [...new Set(programs)].filter((path) => path !== undefined).map((path) => [path]);
}

type Answer =
  | { readonly version: string; readonly failure?: undefined }
  | { readonly version?: undefined; readonly failure: string };

/** Milliseconds within which a tool tells its version; a container may have to wake up for it. */
const probeTimeoutMs = 30_000;

/** Versions by command line: a program does not change under a running process. */
const probed = new Map<string, Promise<Answer>>();

async function probe(command: readonly [string, ...string[]]): Promise<Answer> {
  const key = JSON.stringify(command);
  const known = probed.get(key) ?? askVersion(command);
  probed.set(key, known);
  const answer = await known;
  // A container that was down may be up the next time.
  if (answer.version === undefined) probed.delete(key);
  return answer;
}

async function askVersion([program, ...args]: readonly [string, ...string[]]): Promise<Answer> {
  const result = await startProgram(program, [...args, "--version"], {
    reject: false,
    timeout: probeTimeoutMs,
    stdin: "ignore",
  });
  const version = /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(result.stdout ?? "")?.[1];
  if (version !== undefined) return { version };
  const said = (result.stderr || result.shortMessage || result.stdout || "").trim().split("\n").slice(-3);
  return { failure: `"${[program, ...args].join(" ")} --version": ${said.join(" ")}` };
}

function tooOld(newest: Tool, serverMajor: number, settings: ToolSettings): PgSnapshotError {
  const advice = installAdvice("client", serverMajor);
  const where = settings.directory ?? (process.env["HEADSTART_PG_TOOLS"] || undefined);
  return new PgSnapshotError(
    "TOOL_TOO_OLD",
    `the server is Postgres ${serverMajor}, but the newest ${newest.name} found is ${newest.version} (${newest.command.join(" ")})`,
    {
      hint: settings.prefix
        ? `use an image with Postgres ${serverMajor} or newer`
        : where === undefined
          ? `install the tools of version ${serverMajor}: ${advice}; or run the server's own by a prefix such as docker compose exec -T db`
          : `"${dirname(newest.command[0])}" was asked for: name a folder with the tools of version ${serverMajor} in HEADSTART_PG_TOOLS`,
    },
  );
}

function missing(
  name: ToolName,
  serverMajor: number,
  { settings, failures }: { readonly settings: ToolSettings; readonly failures: readonly string[] },
): PgSnapshotError {
  const { prefix } = settings;
  const said = failures.length > 0 ? `: ${failures.join("; ")}` : "";
  if (prefix?.length) {
    return new PgSnapshotError("TOOL_MISSING", `${name} does not run behind "${prefix.join(" ")}"${said}`, {
      hint: `start the container, or correct the tools' prefix; this must work: ${[...prefix, name, "--version"].join(" ")}`,
    });
  }
  const given = settings.directory ?? (process.env["HEADSTART_PG_TOOLS"] || undefined);
  if (given !== undefined) {
    return new PgSnapshotError("TOOL_MISSING", `there is no working ${name} in "${given}"${said}`, {
      hint: "correct HEADSTART_PG_TOOLS or the tools' directory, or leave it out to search everywhere",
    });
  }
  return new PgSnapshotError("TOOL_MISSING", `${name} was not found${said}`, {
    hint: `${installAdvice("client", serverMajor)}; or name its folder in HEADSTART_PG_TOOLS`,
  });
}
