import { resolve } from "node:path";
import { directoryStore, type SnapshotStore } from "@headstart/pg-snapshot/snapshots";
import type { ConfiguredTarget } from "../config/choose-targets.ts";

/** The store that a target's snapshot is committed in. */
export function targetStore({ target, directory }: ConfiguredTarget): SnapshotStore | undefined {
  if (!target.snapshot) return undefined;
  return directoryStore(resolve(directory, target.snapshot.directory), { writable: true });
}
