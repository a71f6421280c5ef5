import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Tests run against the sources of every workspace package, so nothing needs a build first. */
export function tests(test: ViteUserConfig["test"] = {}) {
  const resolve = { conditions: ["@headstart/source"] };
  return defineConfig({
    ssr: { resolve },
    // Global setups run in an environment of their own.
    environments: { __vitest__: { resolve } },
    test: {
      include: ["test/**/*.test.ts"],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      ...test,
    },
  });
}
