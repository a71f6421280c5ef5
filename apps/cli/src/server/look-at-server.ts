import { existsSync } from "node:fs";
import {
  describeServer,
  embeddedServerStatus,
  inventory,
  PgSnapshotError,
  resolveConnection,
  type InventoryItem,
} from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import { openServer, serverUrl, type ServerConfig } from "./open-server.ts";

/** What is on the server, or why that cannot be told. */
export type ServerView = {
  /** The server in words, without password. */
  readonly description: string;
} & (
  | { readonly status: "ready"; readonly databases: readonly InventoryItem[] }
  /** The embedded server was never started here, so there is nothing on it. */
  | { readonly status: "never-started"; readonly databases: readonly [] }
  | { readonly status: "failed"; readonly error: PgSnapshotError }
);

/** Looks at what is on the server. An embedded one that has data is started for as long as that takes. */
export async function lookAtServer(server: ServerConfig, context: CommandContext): Promise<ServerView> {
  const url = serverUrl(server, context.environment);
  let description = serverWords(server, url);
  try {
    if (url === undefined) {
      const { directory } = await embeddedServerStatus(server.embedded?.directory);
      if (!existsSync(directory)) {
        return {
          status: "never-started",
          description: `${description}, which was never started`,
          databases: [],
        };
      }
    } else description = describeServer(resolveConnection(url, context.environment));
    await using opened = await openServer(server, context);
    const databases = await inventory({ server: opened.url, signal: context.signal });
    return { status: "ready", description, databases };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof PgSnapshotError)) throw error;
    return { status: "failed", description, error };
  }
}

/** Where the address comes from, for as long as it has not been read: it may be none. */
function serverWords(server: ServerConfig, url: string | undefined): string {
  if (url === undefined) return "the embedded server";
  return server.url === undefined ? "the server of DATABASE_URL" : "the server of the configuration";
}
