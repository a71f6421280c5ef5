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

/** One server of the run's own, so that a test that looks at every session meets nobody else's. */
export default async function sharedServer(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "headstart-server-"));
  await chmod(directory, 0o755);
  const server = await startEmbeddedServer({ directory });
  project.provide("serverUrl", server.url);
  return async () => {
    await server.leave();
    await rm(directory, { recursive: true, force: true });
  };
}
