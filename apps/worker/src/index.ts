export { defineWorker } from "./config/define-worker.ts";
export type { WorkerConfig, WorkerConfigInput } from "./config/config-schema.ts";
