import { createHash } from "node:crypto";
import { open, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PgSnapshotError } from "../errors.ts";
import { tornError } from "./explain-lookup.ts";
import { explainWriteError, sumFile } from "./file-sync.ts";
import { explainReadError, isAbsent, manifestFile, readManifest } from "./read-manifest.ts";
import { replaceSnapshot } from "./replace-snapshot.ts";
import { dumpSuffix, type SnapshotManifest } from "./snapshot-manifest.ts";
import { removeUnfinished } from "./sweep-folder.ts";
import type { OpenedDump, SnapshotLookup, SnapshotStore, StoreOptions } from "./snapshot-store.ts";

export interface DirectoryStoreOptions {
  /** Whether snapshots may be saved here. @default false */
  readonly writable?: boolean | undefined;
}

/**
 * A store in a directory, made to be committed to version control: a folder a target with `fingerprint.json`
 * and the dump it names. Dumps are named after their content, so that a new pair is put beside the old one and
 * takes its place by the rename of the manifest alone.
 *
 * Two writers at a time end in the whole pair of one of them. That a dump is cleared away while the very same
 * bytes are saved anew is not guarded against: pg_dump's output never repeats, for it holds the time and the
 * database's name.
 */
export function directoryStore(
  directory: string,
  { writable = false }: DirectoryStoreOptions = {},
): SnapshotStore {
  const root = resolve(directory);
  const folderOf = (target: string): string => join(root, folderName(target));
  return {
    name: `directory "${directory}"`,
    id: root,
    writable,
    find: async (target, digest, options) => {
      options?.signal?.throwIfAborted();
      return await find(folderOf(target), target, digest);
    },
    open: async (manifest, options) => await openDump(folderOf(manifest.target), manifest, options),
    write: async (draft, dump, options) => {
      if (!writable) {
        throw new PgSnapshotError("STORE_READ_ONLY", `"${directory}" is not marked writable`, {
          hint: "pass { writable: true } to directoryStore",
        });
      }
      try {
        const folder = folderOf(draft.target);
        return await replaceSnapshot({ folder, draft, dump, signal: options?.signal });
      } catch (error) {
        options?.signal?.throwIfAborted();
        throw explainWriteError(error, directory);
      }
    },
    tidy: async (target) => {
      if (!writable) return;
      for (const folder of [root, folderOf(target)]) await removeUnfinished(folder);
    },
  };
}

/** Names that Windows gives to devices, in any folder. */
const deviceNames = /^(con|prn|aux|nul|com\d|lpt\d)$/;

/** Plain names stay as they are; any other gets a hash, so that no two targets share a folder. */
function folderName(target: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(target) && !deviceNames.test(target)) return target;
  const hash = createHash("sha256").update(target).digest("hex").slice(0, 12);
  const readable = target
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return `${readable || "target"}.${hash}`;
}

/** How often a pair is looked at anew that was replaced under our eyes. */
const maxLooks = 10;

async function find(folder: string, target: string, digest: string): Promise<SnapshotLookup> {
  try {
    let manifest = await readManifest(folder);
    for (let look = 1; manifest !== undefined; look++) {
      const lookup = await judge(folder, manifest, { target, digest });
      if (lookup.status !== "torn" || look === maxLooks) return lookup;
      // A writer may have put another pair in its place between our looks at manifest and dump.
      const again = await readManifest(folder);
      if (isDeepStrictEqual(again, manifest)) return lookup;
      manifest = again;
    }
  } catch (error) {
    if (!(error instanceof PgSnapshotError)) throw error;
    return { status: "corrupt", reason: error.message, error };
  }
  const left = (await readdir(folder).catch(() => [])).filter(
    (name) => name.endsWith(dumpSuffix) && !name.startsWith("."),
  );
  return left.length === 0
    ? { status: "missing", reason: `no snapshot in "${folder}"` }
    : { status: "torn", reason: `"${folder}" has a dump without ${manifestFile}` };
}

interface Wanted {
  readonly target: string;
  readonly digest: string;
}

async function judge(
  folder: string,
  manifest: SnapshotManifest,
  { target, digest }: Wanted,
): Promise<SnapshotLookup> {
  if (manifest.target !== target) {
    const path = join(folder, manifestFile);
    return { status: "missing", reason: `"${path}" belongs to target "${manifest.target}"` };
  }
  if (manifest.fingerprint !== digest) {
    const reason = "the committed snapshot was made from other inputs than the present ones";
    return { status: "stale", reason, manifest };
  }
  const torn = await tearOf(folder, manifest);
  return torn === undefined ? { status: "found", manifest } : { status: "torn", ...torn };
}

interface Tear {
  readonly reason: string;
  readonly fetch?: string | undefined;
}

/**
 * Why manifest and dump are no pair, by looking at the dump's size alone.
 *
 * @throws {PgSnapshotError} `SNAPSHOT_CORRUPT` when it cannot be looked at
 */
async function tearOf(folder: string, { dump }: SnapshotManifest): Promise<Tear | undefined> {
  const path = join(folder, dump.file);
  try {
    const found = await stat(path);
    if (!found.isFile()) return { reason: `"${path}" is no file` };
    if (found.size === dump.bytes) return undefined;
    if (await isLfsPointer(path)) {
      return {
        reason: `"${path}" is a Git LFS pointer, not the dump: run git lfs pull`,
        fetch: "git lfs pull",
      };
    }
    return { reason: `"${path}" has ${found.size} bytes, ${manifestFile} says ${dump.bytes}` };
  } catch (error) {
    if (isAbsent(error)) return absent(dump.file);
    throw explainReadError(error, path);
  }
}

const absent = (file: string): Tear => ({ reason: `${manifestFile} names "${file}", which is not there` });

/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
async function isLfsPointer(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.toString("latin1", 0, bytesRead).startsWith("version https://git-lfs");
  } finally {
    await handle.close();
  }
}

async function openDump(
  folder: string,
  manifest: SnapshotManifest,
  { signal }: StoreOptions = {},
): Promise<OpenedDump> {
  signal?.throwIfAborted();
  const torn = await tearOf(folder, manifest);
  if (torn !== undefined) throw tornError(torn);
  const path = join(folder, manifest.dump.file);
  const { sha256 } = await sumFile(path, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw isAbsent(error) ? tornError(absent(manifest.dump.file)) : explainReadError(error, path);
  });
  if (sha256 !== manifest.dump.sha256) {
    throw new PgSnapshotError(
      "SNAPSHOT_CORRUPT",
      `"${path}" does not have the SHA-256 that ${manifestFile} states`,
      { hint: "take it from version control again, or save the snapshot anew" },
    );
  }
  return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
}
