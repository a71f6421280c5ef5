import { startEmbeddedServer, type ToolSettings } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ParsedConfig } from "../config/config-schema.ts";

/** The server a command works on. Disposing of it leaves the embedded one. */
export interface OpenServer extends AsyncDisposable {
  readonly url: string;
  readonly embedded: boolean;
  /** Where its pg_dump and pg_restore are. */
  readonly tools: ToolSettings;
}

export type ServerConfig = ParsedConfig["server"];

export interface OpenServerOptions {
  /** The embedded server stays when the command ends. @default false */
  readonly keepRunning?: boolean | undefined;
}

/**
 * The configured server, else the one of `DATABASE_URL`, else one of our own, which is started if need be.
 *
 * @throws {PgSnapshotError} `POSTGRES_MISSING`, `SERVER_START_FAILED`
 */
export async function openServer(
  server: ServerConfig,
  { environment, progress, signal }: CommandContext,
  { keepRunning }: OpenServerOptions = {},
): Promise<OpenServer> {
  const url = serverUrl(server, environment);
  const tools = toolSettings(server);
  if (url !== undefined) {
    return { url, embedded: false, tools, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const embedded = await startEmbeddedServer({
    ...server.embedded,
    keepRunning,
    signal,
    onProgress: (step) => progress.show("server", step),
  });
  return { url: embedded.url, embedded: true, tools, [Symbol.asyncDispose]: () => embedded.leave() };
}

/** Address of the server that configuration or environment name; `undefined` stands for the embedded one. */
export function serverUrl(
  server: ServerConfig | undefined,
  environment: CommandContext["environment"],
): string | undefined {
  return server?.url ?? (environment["DATABASE_URL"] || undefined);
}

/** Who keeps the server's programs in a folder of his own most often has its tools there too. */
export function toolSettings(server: ServerConfig | undefined): ToolSettings {
  return { ...server?.tools, beside: server?.embedded?.binaries };
}
