import type { HeadstartConfig } from "./config-schema.ts";

/** Gives a configuration its type: `export default defineConfig({ targets: { … } })`. */
export function defineConfig(config: HeadstartConfig): HeadstartConfig {
  return config;
}
