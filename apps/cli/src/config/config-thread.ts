import { parentPort, workerData } from "node:worker_threads";
import { evaluateConfig } from "./evaluate-config.ts";
import { targetTexts } from "./target-texts.ts";

// Evaluates a configuration with the environment of this thread. Where it throws, the thread does.
parentPort?.postMessage(targetTexts(await evaluateConfig(workerData as string)));
