import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Tests run against the sources of every workspace package, so nothing needs a build first. */
export function tests(test: ViteUserConfig["test"] = {}) {
  return defineConfig({
    ssr: { resolve: { conditions: ["@headstart/source"] } },
    test: {
      include: ["test/**/*.test.ts"],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      ...test,
    },
  });
}
