import { databaseUrl, resolveConnection, startEmbeddedServer } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ParsedConfig } from "../config/config-schema.ts";

/** The server a command works on. Disposing of it leaves the embedded one. */
export interface OpenServer extends AsyncDisposable {
  readonly url: string;
  readonly embedded: boolean;
}

export interface OpenServerOptions {
  /** The embedded server stays when the command ends. @default false */
  readonly keepRunning?: boolean | undefined;
}

/**
 * The configured URL, else `DATABASE_URL`, else what `PGHOST` or `PGSERVICE` name, else a server of our own.
 *
 * @throws {PgSnapshotError} `CONNECTION_SETTINGS_INVALID`, `POSTGRES_MISSING`, `SERVER_START_FAILED`
 */
export async function openServer(
  { server }: ParsedConfig,
  { environment, progress, signal }: CommandContext,
  { keepRunning }: OpenServerOptions = {},
): Promise<OpenServer> {
  const url = server.url ?? serverUrlOf(environment);
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

/** `undefined` when the environment names no server. */
export function serverUrlOf(environment: CommandContext["environment"]): string | undefined {
  if (environment["DATABASE_URL"]) return environment["DATABASE_URL"];
  const named = environment["PGHOST"] || environment["PGSERVICE"];
  return named ? databaseUrl(resolveConnection(undefined, environment)) : undefined;
}
