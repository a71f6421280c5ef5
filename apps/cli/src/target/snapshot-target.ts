import type { Target } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { runBuild } from "../build/run-build.ts";
import { targetKey } from "./target-key.ts";
import { targetStore } from "./target-store.ts";

/** A configured target as pg-snapshot takes it. */
export function snapshotTarget(
  configured: ConfiguredTarget,
  { environment, progress }: Pick<CommandContext, "environment" | "progress">,
): Target {
  const { name, target } = configured;
  const store = targetStore(configured);
  return {
    name,
    fingerprint: async ({ signal }) =>
      await targetKey(configured, {
        environment,
        signal,
        onProgress: ({ files, total }) =>
          progress.show(name, { phase: "fingerprint", done: files, total, unit: "items" }),
      }),
    build: async (database) => await runBuild(configured, environment, database),
    strip: target.strip,
    require: target.require,
    stores: store ? [store] : [],
  };
}
