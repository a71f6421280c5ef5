// Looking at snapshots, without what it takes to talk to a server: for linters, which have to start fast.
export { directoryStore, type DirectoryStoreOptions } from "./snapshot/directory-store.ts";
export { checkSnapshot, type SnapshotCheck } from "./snapshot/check-snapshot.ts";
export type { SnapshotLookup, SnapshotStore } from "./snapshot/snapshot-store.ts";
export type { SnapshotManifest } from "./snapshot/snapshot-manifest.ts";
export { stripRule, type StripRule } from "./snapshot/strip-rules.ts";
export { requirement, type Requirement } from "./prepare/requirement.ts";
export { cacheDirectory } from "./embedded/cache-directory.ts";
