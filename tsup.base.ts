import { defineConfig, type Options } from "tsup";

/** The one build of every package: ESM with types and source maps for Node 20. */
export function library(options: Options = {}) {
  return defineConfig({
    entry: ["src/index.ts"],
    format: "esm",
    target: "node20",
    dts: true,
    sourcemap: true,
    clean: true,
    ...options,
  });
}
