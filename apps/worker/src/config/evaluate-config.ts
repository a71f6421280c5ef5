import { access } from "node:fs/promises";
import * as materializer from "@headstart/materializer";
import { createJiti } from "jiti";
import { WorkerError } from "../worker-error.ts";
import { defineWorker } from "./define-worker.ts";

/**
 * What a configuration file holds, not yet checked.
 *
 * @throws WorkerError `CONFIG_MISSING`, `CONFIG_INVALID`
 */
export async function evaluateConfig(file: string): Promise<unknown> {
  try {
    // One that is absent is told by its name, not by how modules are resolved.
    await access(file);
    if (!file.endsWith(".json")) return await evaluate(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" && message.includes(file)) {
      throw new WorkerError("CONFIG_MISSING", `"${file}" does not exist.`, { hint: "Correct --config." });
    }
    throw new WorkerError("CONFIG_INVALID", `"${file}" cannot be loaded: ${message ?? String(cause)}`, {
      hint: "Mend the file: this is what its evaluation threw.",
      cause,
    });
  }
  throw new WorkerError("CONFIG_INVALID", `"${file}" is JSON, which can hold no projector.`, {
    hint: "Write it as headstart-worker.config.ts; the README of @headstart/worker has an example.",
  });
}

async function evaluate(file: string): Promise<unknown> {
  const jiti = createJiti(import.meta.url, {
    // It is evaluated again at SIGHUP.
    moduleCache: false,
    // The configuration finds these wherever they are installed, and the same ones as the worker.
    virtualModules: { "@headstart/worker": { defineWorker }, "@headstart/materializer": materializer },
  });
  return await jiti.import(file, { default: true });
}
