import type { CommandContext } from "../command-context.ts";
import { loadConfig } from "../config/load-config.ts";
import { CliError } from "../cli-error.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandResult } from "../output/command-result.ts";

/** The embedded server's settings; without a configuration file the defaults hold. */
async function embeddedSettings(
  context: CommandContext,
): Promise<{ directory?: string | undefined; binaries?: string | undefined }> {
  try {
    return (await loadConfig(context.cwd, context.configFile)).config.server.embedded ?? {};
  } catch (error) {
    if (error instanceof CliError && error.code === "CONFIG_MISSING" && context.configFile === undefined)
      return {};
    throw error;
  }
}

export async function serverStartCommand(context: CommandContext): Promise<CommandResult> {
  const settings = await embeddedSettings(context);
  const { startEmbeddedServer } = await import("@headstart/pg-snapshot");
  const server = await startEmbeddedServer({
    ...settings,
    keepRunning: true,
    signal: context.signal,
    onProgress: (step) => context.progress.show("server", step),
  });
  await server.leave();
  const { url, version, port, dataDirectory, logFile } = server;
  return {
    json: { running: true, url, version, port, dataDirectory, logFile },
    text: `Postgres ${version} is running\n${url}\n\nexport DATABASE_URL='${url}'`,
  };
}

export async function serverStopCommand(context: CommandContext): Promise<CommandResult> {
  const { directory } = await embeddedSettings(context);
  const { stopEmbeddedServer } = await import("@headstart/pg-snapshot");
  const stopped = await stopEmbeddedServer(directory, { signal: context.signal });
  return {
    json: { stopped },
    text: stopped ? "stopped" : "no embedded server is running",
    exitCode: stopped ? exitCodes.ok : exitCodes.negative,
  };
}

export async function serverStatusCommand(context: CommandContext): Promise<CommandResult> {
  const { directory } = await embeddedSettings(context);
  const { embeddedServerStatus } = await import("@headstart/pg-snapshot");
  const status = await embeddedServerStatus(directory);
  return {
    json: status,
    text: status.running
      ? `Postgres ${status.major} is running (pid ${status.pid}, port ${status.port})\n${status.url}`
      : `no embedded server is running in "${status.directory}"`,
    exitCode: status.running ? exitCodes.ok : exitCodes.negative,
  };
}
