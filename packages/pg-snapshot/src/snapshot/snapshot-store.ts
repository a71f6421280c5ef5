import type { PgSnapshotError } from "../errors.ts";
import type { ManifestDraft, SnapshotManifest } from "./snapshot-manifest.ts";

/** What a store has for a target. Everything but `found` says in words why it cannot serve. */
export type SnapshotLookup =
  | { readonly status: "found"; readonly manifest: SnapshotManifest }
  /** Nothing is there. */
  | { readonly status: "missing"; readonly reason: string }
  /** A whole snapshot of other content is there. */
  | { readonly status: "stale"; readonly reason: string; readonly manifest: SnapshotManifest }
  /** A manifest or a dump without the other, or not as long as its manifest says. */
  | {
      readonly status: "torn";
      readonly reason: string;
      /** The command that fetches the dump, where it is kept elsewhere and only that is missing. */
      readonly fetch?: string | undefined;
    }
  | { readonly status: "corrupt"; readonly reason: string; readonly error: PgSnapshotError };

export interface StoreOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A dump whose content was checked; disposing of it gives up what was fetched for it. */
export interface OpenedDump extends AsyncDisposable {
  readonly path: string;
}

/** A place to keep snapshots in, at most one for each target and content. */
export interface SnapshotStore {
  /** For messages, for example `directory "snapshots"`. */
  readonly name: string;
  /** What tells this place from every other, for example an absolute path. @default the name */
  readonly id?: string | undefined;
  /** Only a store that is marked so is ever written. */
  readonly writable: boolean;
  /** Looks without reading the dump. Never throws for what lies in the store. */
  find(target: string, digest: string, options?: StoreOptions): Promise<SnapshotLookup>;
  /**
   * Checks the dump's SHA-256 and hands out its path.
   *
   * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT`, `SNAPSHOT_TORN`
   */
  open(manifest: SnapshotManifest, options?: StoreOptions): Promise<OpenedDump>;
  /**
   * Lets `dump` write a file, and puts it in place of the target's former snapshot in one step: until then, and
   * after a crash, the former one stays whole.
   *
   * @throws {PgSnapshotError} `DISK_FULL`, `STORE_UNWRITABLE`, and what `dump` throws
   */
  write(
    draft: ManifestDraft,
    dump: (path: string) => Promise<void>,
    options?: StoreOptions,
  ): Promise<SnapshotManifest>;
  /** Removes what writers of this target left half made that are gone. Called at every run where it is writable. */
  tidy?(target: string): Promise<void>;
}
