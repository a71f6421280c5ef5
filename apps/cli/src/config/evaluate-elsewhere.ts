import { Worker } from "node:worker_threads";
import type { ConfigThreadData } from "./config-thread.ts";
import type { TargetTexts } from "./target-texts.ts";

/** Milliseconds after which an evaluation counts as failed: with other variables a program may wait for ever. */
const limitMs = 10_000;

/** The file lies beside this one, in the built package and in the sources. */
const threadFile = new URL(
  import.meta.url.endsWith(".ts") ? "./config-thread-from-source.mjs" : "./config-thread.js",
  import.meta.url,
);

/**
 * Evaluates a configuration with other variables, in a thread of its own: it has an environment and loaded
 * modules of its own, so that whatever the file imports is evaluated anew.
 *
 * @returns `undefined` when the evaluation fails
 */
export async function evaluateElsewhere(
  file: string,
  environment: NodeJS.ProcessEnv,
): Promise<TargetTexts | undefined> {
  // What the file prints was printed when it was evaluated for real.
  // Not told by a message: one may come after the error of a thread that has failed since.
  const started = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: ConfigThreadData = { file, started };
  const thread = new Worker(threadFile, { workerData, env: environment, stdout: true, stderr: true });
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<TargetTexts | undefined>((resolve, reject) => {
      const fail = (): void => resolve(undefined);
      thread.once("message", (texts: TargetTexts) => resolve(texts));
      // A thread that cannot be started says nothing about the configuration.
      thread.once("error", (error) => (Atomics.load(started, 0) === 1 ? fail() : reject(error)));
      thread.once("exit", fail);
      limit = setTimeout(fail, limitMs);
    });
  } finally {
    clearTimeout(limit);
    await thread.terminate();
  }
}
