export { defineConfig } from "./config/define-config.ts";
export type { BuildContext, BuildFunction, HeadstartConfig } from "./config/config-schema.ts";
export { loadTarget, type LoadTargetOptions } from "./target/load-target.ts";
