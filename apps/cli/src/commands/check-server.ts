import type { ServerReport, ToolName, ToolSettings } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { serverUrl, toolSettings, type ServerConfig } from "../server/open-server.ts";
import { failed, type Check } from "./check.ts";

export interface SnapshotNeeds {
  /** Whether there are snapshots to restore and to save. */
  readonly tools: boolean;
  /** Names of the extensions that they hold. */
  readonly extensions: readonly string[];
}

/** The server, the rights on it, its tools and extensions. An embedded one that is not running is not started. */
export async function checkServer(
  context: CommandContext,
  server: ServerConfig | undefined,
  needs: SnapshotNeeds,
): Promise<Check[]> {
  const { embeddedServerStatus, findPostgres, inspectServer } = await import("@headstart/pg-snapshot");
  let url = serverUrl(server, context.environment);
  const tools = toolSettings(server);
  const checks: Check[] = [];
  try {
    if (url === undefined) {
      const status = await embeddedServerStatus(server?.embedded?.directory);
      const binaries = await findPostgres(server?.embedded?.binaries);
      const running = status.running ? `running on port ${status.port}` : "not running: commands start it";
      const detail = `embedded, Postgres ${binaries.version} from ${binaries.directory}, ${running}`;
      checks.push({ name: "server", verdict: "ok", detail });
      if (!status.running) return [...checks, ...(await checkTools(binaries.major, tools, needs))];
      url = status.url;
    }
    const report = await inspectServer({ server: url, signal: context.signal });
    checks.push(...describeReport(report), ...checkExtensions(report, needs));
    return [...checks, ...(await checkTools(report.major, tools, needs))];
  } catch (error) {
    context.signal.throwIfAborted();
    return [...checks, failed("server", error)];
  }
}

/** The oldest major version that is tested. */
const oldestMajor = 14;

function describeReport(report: ServerReport): Check[] {
  const { version, major, encoding, role, usedConnections, maxConnections } = report;
  const connections = `${usedConnections} of ${maxConnections} in use`;
  const crowded = usedConnections * 2 > maxConnections;
  return [
    {
      name: "version",
      verdict: major < oldestMajor ? "fail" : "ok",
      detail: `Postgres ${version}, ${encoding}, as ${role}`,
      fix: major < oldestMajor ? `use Postgres ${oldestMajor} or newer` : undefined,
    },
    {
      name: "rights",
      verdict: report.mayCreateDatabases ? "ok" : "fail",
      detail: `${role} ${report.mayCreateDatabases ? "may" : "may not"} create databases`,
      fix: report.mayCreateDatabases ? undefined : `as a superuser: ALTER ROLE "${role}" CREATEDB`,
    },
    {
      name: "connections",
      verdict: crowded ? "warn" : "ok",
      detail: connections,
      fix: crowded ? "raise max_connections, or run fewer processes at once" : undefined,
    },
    checkDurability(report),
  ];
}

/** Reported, never changed: only its owner knows whether a server holds anything of worth. */
function checkDurability({ settings }: ServerReport): Check {
  const durable = (["fsync", "synchronous_commit", "full_page_writes"] as const).filter(
    (name) => settings[name] !== "off",
  );
  if (durable.length === 0) {
    return { name: "durability", verdict: "ok", detail: "tuned for data that can be made again" };
  }
  return {
    name: "durability",
    verdict: "warn",
    detail: `${durable.join(", ")} on: clones and restores wait for the disk`,
    fix: "where everything on this server can be made again, turn them off; never where real data is",
  };
}

function checkExtensions(
  { availableExtensions }: ServerReport,
  { extensions: needed }: SnapshotNeeds,
): Check[] {
  const missing = needed.filter((name) => !availableExtensions.includes(name));
  if (needed.length === 0) return [];
  if (missing.length === 0) return [{ name: "extensions", verdict: "ok", detail: needed.join(", ") }];
  return [
    {
      name: "extensions",
      verdict: "fail",
      detail: `the snapshots need ${missing.join(", ")}, which this server cannot install`,
      fix: "install the extension's package where the server runs",
    },
  ];
}

async function checkTools(major: number, settings: ToolSettings, needs: SnapshotNeeds): Promise<Check[]> {
  const checks: Check[] = [];
  for (const name of ["pg_dump", "pg_restore"] as const) {
    const check = await checkTool(name, major, settings);
    // Templates and builds work without: the tools are for snapshots.
    checks.push(check.verdict === "fail" && !needs.tools ? { ...check, verdict: "warn" } : check);
  }
  return checks;
}

async function checkTool(name: ToolName, major: number, settings: ToolSettings): Promise<Check> {
  const { findTool } = await import("@headstart/pg-snapshot");
  try {
    const tool = await findTool(name, major, settings);
    const fits = tool.major === major ? "" : `, newer than the server's ${major}`;
    return { name, verdict: "ok", detail: `${tool.version}${fits}, ${tool.command.join(" ")}` };
  } catch (error) {
    return failed(name, error);
  }
}
