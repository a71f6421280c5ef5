import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "@headstart/pg-snapshot";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of the maintenance database of a throwaway server that lives as long as the run. */
    serverUrl: string;
  }
}

export default async function sharedServer(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "headstart-server-"));
  await chmod(directory, 0o755);
  const server = await startEmbeddedServer({ directory, settings: { max_connections: "200" } });
  project.provide("serverUrl", server.url);
  return async () => {
    await server.leave();
    await rm(directory, { recursive: true, force: true });
  };
}
