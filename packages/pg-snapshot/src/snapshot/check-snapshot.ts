import { PgSnapshotError } from "../errors.ts";
import type { SnapshotManifest } from "./snapshot-manifest.ts";
import type { SnapshotLookup, SnapshotStore, StoreOptions } from "./snapshot-store.ts";

export type SnapshotCheck =
  | { readonly status: "fresh"; readonly manifest: SnapshotManifest }
  | Exclude<SnapshotLookup, { status: "found" }>;

/** How often a snapshot is looked at anew that a writer replaced under our eyes. */
const maxLooks = 10;

/**
 * Whether a store holds a whole snapshot of exactly this content, the dump's checksum included. Needs neither
 * database nor network. Nothing is remembered: what has changed on the disk is seen the next time.
 */
export async function checkSnapshot(
  store: SnapshotStore,
  { target, digest }: { readonly target: string; readonly digest: string },
  options: StoreOptions = {},
): Promise<SnapshotCheck> {
  for (let look = 1; ; look++) {
    const lookup = await store.find(target, digest, options);
    if (lookup.status !== "found") return lookup;
    try {
      await using opened = await store.open(lookup.manifest, options);
      void opened;
      return { status: "fresh", manifest: lookup.manifest };
    } catch (error) {
      if (!(error instanceof PgSnapshotError)) throw error;
      if (error.code !== "SNAPSHOT_TORN") return { status: "corrupt", reason: error.message, error };
      if (look === maxLooks) return { status: "torn", reason: error.message };
    }
  }
}
