export { defineWorker } from "./config/define-worker.ts";
export { loadConfig, type LoadedConfig, type LoadOptions } from "./config/load-config.ts";
export type { WorkerConfig, WorkerConfigInput } from "./config/config-schema.ts";
export type { SecretSource } from "./config/secret-source.ts";
export { openMaterializer, type OpenedMaterializer, type OpenOptions } from "./open-materializer.ts";
export { WorkerError, type WorkerErrorCode } from "./worker-error.ts";
