import { startEmbeddedServer } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ParsedConfig } from "../config/config-schema.ts";

/** The server a command works on. Disposing of it leaves the embedded one. */
export interface OpenServer extends AsyncDisposable {
  readonly url: string;
  readonly embedded: boolean;
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
  if (url !== undefined) {
    return { url, embedded: false, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const embedded = await startEmbeddedServer({
    ...server.embedded,
    keepRunning,
    signal,
    onProgress: (step) => progress.show("server", step),
  });
  return { url: embedded.url, embedded: true, [Symbol.asyncDispose]: () => embedded.leave() };
}

/** Address of the server that configuration or environment name; `undefined` stands for the embedded one. */
export function serverUrl(
  server: ServerConfig | undefined,
  environment: CommandContext["environment"],
): string | undefined {
  return server?.url ?? (environment["DATABASE_URL"] || undefined);
}
