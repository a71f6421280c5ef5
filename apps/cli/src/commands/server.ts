import type { EmbeddedServerStatus } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { loadConfigIfAny } from "../config/load-config.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";
import { formatTable } from "../output/format.ts";
import { openServer } from "../server/open-server.ts";

export interface ServerFlags {
  /** The URL alone is asked for. */
  readonly url?: boolean | undefined;
}

export async function serverStartCommand(
  context: CommandContext,
  flags: ServerFlags,
): Promise<CommandResult> {
  const settings = (await loadConfigIfAny(context))?.config.server.embedded;
  // Not the server of DATABASE_URL: the embedded one is what is asked for.
  const embedded = { embedded: settings };
  const server = await openServer(embedded, { ...context, environment: {} }, { keepRunning: true });
  await server[Symbol.asyncDispose]();
  return await describeStatus(settings?.directory, flags);
}

export async function serverStatusCommand(
  context: CommandContext,
  flags: ServerFlags,
): Promise<CommandResult> {
  const settings = (await loadConfigIfAny(context))?.config.server.embedded;
  return await describeStatus(settings?.directory, flags);
}

export async function serverStopCommand(context: CommandContext): Promise<CommandResult> {
  const settings = (await loadConfigIfAny(context))?.config.server.embedded;
  const { stopEmbeddedServer } = await import("@headstart/pg-snapshot");
  const stopped = await stopEmbeddedServer(settings?.directory, { signal: context.signal });
  return { json: { stopped }, text: stopped ? "stopped" : "no embedded server was running" };
}

async function describeStatus(directory: string | undefined, flags: ServerFlags): Promise<CommandResult> {
  const { embeddedServerStatus } = await import("@headstart/pg-snapshot");
  const status = await embeddedServerStatus(directory);
  const { url, ...shown } = status.running ? status : { ...status, url: undefined };
  return {
    json: flags.url ? status : shown,
    text: flags.url && url !== undefined ? url : describe(status),
    exitCode: status.running ? exitCodes.ok : exitCodes.negative,
  };
}

function describe(status: EmbeddedServerStatus): string {
  if (!status.running) return `no embedded server is running in "${status.directory}"`;
  return formatTable([
    ["embedded server", `Postgres ${status.major} on 127.0.0.1:${status.port}, pid ${status.pid}`],
    ["data", status.dataDirectory],
    ["stays running", status.staysRunning ? "until: headstart server stop" : "while somebody uses it"],
    ["address", "headstart server status --url"],
  ]);
}
