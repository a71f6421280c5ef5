import { loadTarget } from "@headstart/cli";
import { prepare, startEmbeddedServer } from "@headstart/pg-snapshot";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of the server that has the template. */
    serverUrl: string;
  }
}

/** Makes the template ready once for the whole run, at the cheapest tier that can; test files take clones of it. */
export default async function sharedServer(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env["DATABASE_URL"];
  const embedded = given === undefined ? await startEmbeddedServer() : undefined;
  const server = embedded?.url ?? given;
  const target = await loadTarget("canvases", { cwd: project.config.root });
  await using prepared = await prepare(target, { server, save: "never" });
  console.log(`canvases is ready from the ${prepared.tier} tier in ${Math.round(prepared.totalMs)} ms`);
  project.provide("serverUrl", server ?? "");
  return async () => await embedded?.leave();
}
