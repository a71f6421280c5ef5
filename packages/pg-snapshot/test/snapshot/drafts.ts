import { writeFile } from "node:fs/promises";
import type { ManifestDraft, SnapshotManifest } from "../../src/snapshot/snapshot-manifest.ts";
import type { SnapshotStore } from "../../src/snapshot/snapshot-store.ts";

/** A manifest without a dump, as a store is given it. */
export function draft(target: string, fingerprint: string): ManifestDraft {
  return {
    target,
    fingerprint,
    files: [`${"a".repeat(64)}  data/1`],
    dump: { compression: "gzip" },
    pgDumpVersion: "15.1",
    serverVersion: "15.1",
    encoding: "UTF8",
    extensions: [{ name: "pg_trgm", version: "1.6" }],
    strip: [{ truncate: "job" }],
    databaseSettings: [],
    buildMs: 1_000,
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}

/** A manifest as it lies beside a dump. */
export function manifest(changes: Partial<SnapshotManifest> = {}): SnapshotManifest {
  return {
    ...draft("shop", "one"),
    format: "headstart-snapshot/1",
    dump: { file: `${"b".repeat(16)}.pgdump`, sha256: "b".repeat(64), bytes: 3, compression: "gzip" },
    ...changes,
  };
}

/** Saves a snapshot whose dump is a few bytes that tell its digest. */
export async function save(store: SnapshotStore, target: string, digest: string): Promise<SnapshotManifest> {
  return await store.write(draft(target, digest), async (path) => await writeFile(path, `dump of ${digest}`));
}
