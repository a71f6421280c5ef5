import { parentPort, workerData } from "node:worker_threads";
import { evaluateConfig } from "./evaluate-config.ts";
import { targetTexts, type TargetTexts } from "./target-texts.ts";

export type ConfigThreadMessage = "started" | TargetTexts;

function tell(message: ConfigThreadMessage): void {
  parentPort?.postMessage(message);
}

// Evaluates a configuration with the environment of this thread. Where it throws, the thread does.
tell("started");
tell(targetTexts(await evaluateConfig(workerData as string)));
