import { execa } from "execa";
import { PgSnapshotError } from "../errors.ts";
import { installAdvice } from "./install-advice.ts";
import { programFolders, programIn } from "./install-places.ts";

export interface ToolSettings {
  /** Runs the tools inside something else, for example `["docker", "compose", "exec", "-T", "db"]`. */
  readonly prefix?: readonly string[] | undefined;
  /** A folder to look in first. @default the variable `HEADSTART_PG_TOOLS` */
  readonly directory?: string | undefined;
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

/**
 * The tool that fits a server: of the server's own major version where there is one, else the newest that is
 * not older. An older pg_dump refuses a newer server, and a newer pg_restore speaks of settings that an older
 * server does not know.
 *
 * @throws {PgSnapshotError} `TOOL_MISSING`, `TOOL_TOO_OLD`
 */
export async function findTool(
  name: ToolName,
  serverMajor: number,
  settings: ToolSettings = {},
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Tool> {
  const tools = await listTools(name, settings, { signal });
  if (tools.length === 0) throw missing(name, serverMajor, settings);
  const usable = tools.filter((tool) => tool.major >= serverMajor);
  const best = usable.find((tool) => tool.major === serverMajor) ?? usable[0];
  if (best) return best;
  const found = tools.map((tool) => tool.version).join(", ");
  throw new PgSnapshotError(
    "TOOL_TOO_OLD",
    `the server is Postgres ${serverMajor}, but the newest ${name} found is ${found}`,
    { hint: `install the tools of version ${serverMajor}: ${installAdvice("client", serverMajor)}` },
  );
}

/** Every version of a tool that is found, newest first. */
export async function listTools(
  name: ToolName,
  settings: ToolSettings = {},
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Tool[]> {
  const [program, ...rest] = settings.prefix ?? [];
  if (program !== undefined) {
    const tool = await probe(name, [program, ...rest, name], { prefixed: true, signal });
    return tool ? [tool] : [];
  }
  const folders = await programFolders([settings.directory ?? process.env["HEADSTART_PG_TOOLS"]]);
  const programs = await Promise.all(folders.map((folder) => programIn(folder, name)));
  const distinct = [...new Set(programs.filter((path) => path !== undefined))];
  const tools = await Promise.all(distinct.map((path) => probe(name, [path], { prefixed: false, signal })));
  return tools.filter((tool) => tool !== undefined).sort((a, b) => b.major - a.major);
}

interface ProbeOptions {
  readonly prefixed: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Versions by command line: a program does not change under a running process. */
const probed = new Map<string, Promise<Tool | undefined>>();

async function probe(name: ToolName, command: readonly [string, ...string[]], options: ProbeOptions) {
  const key = JSON.stringify(command);
  const known = probed.get(key) ?? askVersion(name, command, options);
  probed.set(key, known);
  const tool = await known;
  // A container that was down may be up the next time.
  if (!tool) probed.delete(key);
  options.signal?.throwIfAborted();
  return tool;
}

async function askVersion(
  name: ToolName,
  command: readonly [string, ...string[]],
  { prefixed }: ProbeOptions,
): Promise<Tool | undefined> {
  const [program, ...args] = command;
  const result = await execa(program, [...args, "--version"], {
    reject: false,
    timeout: 10_000,
    stdin: "ignore",
  });
  const version = /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(
    typeof result.stdout === "string" ? result.stdout : "",
  )?.[1];
  if (version === undefined) return undefined;
  return { name, command, version, major: Number.parseInt(version, 10), prefixed };
}

function missing(name: ToolName, serverMajor: number, { prefix }: ToolSettings): PgSnapshotError {
  if (prefix) {
    return new PgSnapshotError("TOOL_MISSING", `"${prefix.join(" ")} ${name} --version" does not work`, {
      hint: "start the container, or correct the tools' prefix",
    });
  }
  return new PgSnapshotError("TOOL_MISSING", `${name} was not found`, {
    hint: `${installAdvice("client", serverMajor)}; or name its folder in HEADSTART_PG_TOOLS`,
  });
}
