import { resolve } from "node:path";
import { directoryStore, type SnapshotStore, type Target } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { runBuild } from "../build/run-build.ts";
import { targetKey } from "./target-key.ts";

/** The store that a target's snapshot is committed in. */
export function targetStore({ target, directory }: ConfiguredTarget): SnapshotStore | undefined {
  if (!target.snapshot) return undefined;
  return directoryStore(resolve(directory, target.snapshot.directory), { writable: true });
}

/** A configured target as pg-snapshot takes it. */
export function snapshotTarget(configured: ConfiguredTarget, context: CommandContext): Target {
  const { name, target } = configured;
  const { environment, progress } = context;
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
