import { join } from "node:path";
import { directoryStore, type SnapshotStore, type Target } from "@headstart/pg-snapshot";
import type { TargetConfig } from "../config/config-schema.ts";
import { runBuildCommand } from "./build-command.ts";
import { targetKey, type TargetKeyOptions } from "./target-key.ts";

/** The store that a target's snapshot is committed in. */
export function targetStore(target: TargetConfig, directory: string): SnapshotStore | undefined {
  if (!target.snapshot) return undefined;
  return directoryStore(join(directory, target.snapshot.directory), { writable: true });
}

/** A configured target as pg-snapshot takes it. */
export function snapshotTarget(options: TargetKeyOptions): Target {
  const { name, target, directory, environment } = options;
  const store = targetStore(target, directory);
  return {
    name,
    fingerprint: async ({ signal }) => await targetKey({ ...options, signal }),
    build: async (database) => {
      if (typeof target.build === "function") await target.build(database);
      else {
        const { command } = target.build;
        await runBuildCommand({ command, directory, declared: target.environment, environment }, database);
      }
    },
    strip: target.strip,
    require: target.require,
    stores: store ? [store] : [],
  };
}
