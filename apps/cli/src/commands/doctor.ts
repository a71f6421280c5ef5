import { access, constants, mkdir } from "node:fs/promises";
import type { ServerReport } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { loadConfig, type LoadedConfig } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatTable, printable } from "../output/format.ts";
import { serverUrlOf } from "../server/open-server.ts";

interface Check {
  readonly name: string;
  readonly verdict: "ok" | "warn" | "fail";
  readonly detail: string;
  readonly fix?: string | undefined;
}

/** Looks at everything that a preparation needs, and changes nothing. */
export async function doctorCommand(context: CommandContext): Promise<CommandResult> {
  const { colors } = context;
  const checks: Check[] = [checkNode()];
  const loaded = await loadConfig(context.cwd, context.configFile).catch((error: unknown) => {
    checks.push(failed("configuration", error));
    return undefined;
  });
  if (loaded) {
    const count = Object.keys(loaded.config.targets).length;
    checks.push({ name: "configuration", verdict: "ok", detail: `${loaded.file}, ${count} target(s)` });
  }
  checks.push(await checkCache(), ...(await checkServer(context, loaded)));
  const marks = { ok: colors.green("ok"), warn: colors.yellow("warn"), fail: colors.red("fail") };
  const rows = checks.map(({ name, verdict, detail, fix }) => [
    marks[verdict],
    name,
    printable(detail + (fix ? ` — ${fix}` : ""), 400),
  ]);
  const healthy = checks.every(({ verdict }) => verdict !== "fail");
  return {
    json: { healthy, checks },
    text: formatTable(rows),
    exitCode: healthy ? exitCodes.ok : exitCodes.environment,
  };
}

function failed(name: string, error: unknown): Check {
  const { message, hint } = error as { message?: string; hint?: string };
  return { name, verdict: "fail", detail: message ?? String(error), fix: hint };
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return {
    name: "node",
    verdict: fits ? "ok" : "fail",
    detail: process.versions.node,
    fix: fits ? undefined : "install Node 20.19 or newer",
  };
}

async function checkCache(): Promise<Check> {
  const { cacheDirectory } = await import("@headstart/pg-snapshot");
  const directory = cacheDirectory();
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK);
    return { name: "cache", verdict: "ok", detail: directory };
  } catch (error) {
    const detail = `${directory}: ${(error as NodeJS.ErrnoException).code}`;
    return {
      name: "cache",
      verdict: "fail",
      detail,
      fix: "name a folder that you may write in HEADSTART_CACHE",
    };
  }
}

async function checkServer(context: CommandContext, loaded: LoadedConfig | undefined): Promise<Check[]> {
  const { embeddedServerStatus, findPostgres, inspectServer } = await import("@headstart/pg-snapshot");
  const server = loaded?.config.server;
  const url = server?.url ?? serverUrlOf(context.environment);
  try {
    if (url !== undefined) {
      const report = await inspectServer({ server: url, signal: context.signal });
      return [...describeServer(report), ...(await checkTools(report.major, loaded))];
    }
    const status = await embeddedServerStatus(server?.embedded?.directory);
    const binaries = await findPostgres(server?.embedded?.binaries);
    const running = status.running
      ? `running on port ${status.port}`
      : "not running; commands start it when they need it";
    const detail = `embedded Postgres ${binaries.version} from ${binaries.directory}, ${running}`;
    return [{ name: "server", verdict: "ok", detail }, ...(await checkTools(binaries.major, loaded))];
  } catch (error) {
    return [failed("server", error)];
  }
}

function describeServer(report: ServerReport): Check[] {
  const durable = Object.entries(report.settings).filter(
    ([name, value]) => value === "on" && name !== "wal_level",
  );
  return [
    {
      name: "server",
      verdict: "ok",
      detail: `Postgres ${report.version}, ${report.encoding}, as ${report.role}`,
    },
    report.mayCreateDatabases
      ? { name: "right to create", verdict: "ok", detail: `${report.role} may create databases` }
      : {
          name: "right to create",
          verdict: "fail",
          detail: `${report.role} may not create databases`,
          fix: `as a superuser: ALTER ROLE "${report.role}" CREATEDB`,
        },
    {
      name: "connections",
      verdict: report.usedConnections * 2 > report.maxConnections ? "warn" : "ok",
      detail: `${report.usedConnections} of ${report.maxConnections} in use`,
    },
    durable.length === 0
      ? { name: "durability", verdict: "ok", detail: "tuned for data that can be made again" }
      : {
          name: "durability",
          verdict: "warn",
          detail: `${durable.map(([name]) => name).join(", ")} on: clones and restores wait for the disk`,
          fix: "turn them off if everything on this server can be made again; never on a server that holds real data",
        },
  ];
}

async function checkTools(major: number, loaded: LoadedConfig | undefined): Promise<Check[]> {
  const { findTool } = await import("@headstart/pg-snapshot");
  const needed = Object.values(loaded?.config.targets ?? {}).some((target) => target.snapshot);
  const checks: Check[] = [];
  for (const name of ["pg_dump", "pg_restore"] as const) {
    try {
      const tool = await findTool(name, major, loaded?.config.server.tools);
      checks.push({ name, verdict: "ok", detail: `${tool.version}, ${tool.command.join(" ")}` });
    } catch (error) {
      const check = failed(name, error);
      checks.push(needed ? check : { ...check, verdict: "warn" });
    }
  }
  return checks;
}
