import { parentPort, workerData } from "node:worker_threads";
import { evaluateConfig } from "./evaluate-config.ts";
import { targetTexts } from "./target-texts.ts";

/** What the thread is given. */
export interface ConfigThreadData {
  readonly file: string;
  /** Shared; its one element becomes 1 once the thread itself works, and whatever fails is the configuration. */
  readonly started: Int32Array;
}

// Evaluates a configuration with the environment of this thread. Where it throws, the thread does.
const { file, started } = workerData as ConfigThreadData;
Atomics.store(started, 0, 1);
parentPort?.postMessage(targetTexts(await evaluateConfig(file)));
