import { readFile } from "node:fs/promises";
import { createJiti } from "jiti";
import { defineConfig } from "./define-config.ts";

/** What a configuration written as a program exports by default. */
export async function evaluateConfig(file: string): Promise<unknown> {
  // A file that is absent is told by its name, not by how modules are resolved.
  await readFile(file);
  const jiti = createJiti(import.meta.url, {
    moduleCache: false,
    // The configuration finds us wherever we are installed.
    virtualModules: { "@headstart/cli": { defineConfig } },
  });
  return await jiti.import(file, { default: true });
}
