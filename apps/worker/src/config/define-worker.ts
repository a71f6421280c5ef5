import type { WorkerConfigInput } from "./config-schema.ts";

/** Gives a configuration its type: `export default defineWorker({ … })`. */
export function defineWorker(config: WorkerConfigInput): WorkerConfigInput {
  return config;
}
