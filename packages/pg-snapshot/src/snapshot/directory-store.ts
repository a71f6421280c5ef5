import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { PgSnapshotError } from "../errors.ts";
import { explainWriteError, sumFile, syncToDisk } from "./file-sync.ts";
import {
  formatManifest,
  parseManifest,
  type ManifestDraft,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";
import type { OpenedDump, SnapshotLookup, SnapshotStore, StoreOptions } from "./snapshot-store.ts";

export interface DirectoryStoreOptions {
  /** Whether snapshots may be saved here. @default false */
  readonly writable?: boolean | undefined;
}

const manifestFile = "fingerprint.json";
const dumpSuffix = ".pgdump";

/**
 * A store in a directory, made to be committed to version control: a folder a target with `fingerprint.json`
 * and the dump it names. Dumps are named after their content, so that a new pair is put beside the old one and
 * takes its place by the rename of the manifest alone.
 */
export function directoryStore(
  directory: string,
  { writable = false }: DirectoryStoreOptions = {},
): SnapshotStore {
  const root = resolve(directory);
  const folderOf = (target: string): string => join(root, folderName(target));
  return {
    name: `directory "${directory}"`,
    writable,
    find: async (target, digest) => await find(folderOf(target), target, digest),
    open: async (manifest, options) => await openDump(folderOf(manifest.target), manifest, options),
    write: async (draft, dump, options) => {
      if (!writable) {
        throw new PgSnapshotError("STORE_READ_ONLY", `"${directory}" is not marked writable`, {
          hint: "pass { writable: true } to directoryStore",
        });
      }
      try {
        return await write(root, { folder: folderOf(draft.target), draft, dump, signal: options?.signal });
      } catch (error) {
        throw explainWriteError(error, directory);
      }
    },
  };
}

/** Plain names stay as they are; any other gets a hash, so that no two targets share a folder. */
function folderName(target: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(target)) return target;
  const hash = createHash("sha256").update(target).digest("hex").slice(0, 12);
  const readable = target
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return `${readable || "target"}.${hash}`;
}

async function find(folder: string, target: string, digest: string): Promise<SnapshotLookup> {
  const path = join(folder, manifestFile);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return unreadable(path, error);
    const left = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(dumpSuffix));
    return left.length === 0
      ? { status: "missing", reason: `no snapshot in "${folder}"` }
      : { status: "torn", reason: `"${folder}" has a dump without ${manifestFile}` };
  }
  let manifest: SnapshotManifest;
  try {
    manifest = parseManifest(text, path);
  } catch (error) {
    if (!(error instanceof PgSnapshotError)) throw error;
    return { status: "corrupt", reason: error.message, error };
  }
  if (manifest.target !== target) {
    return { status: "missing", reason: `"${path}" belongs to target "${manifest.target}"` };
  }
  if (manifest.fingerprint !== digest) {
    const reason = "the committed snapshot was made from other inputs than the present ones";
    return { status: "stale", reason, manifest };
  }
  const torn = await tearOf(folder, manifest);
  return torn === undefined ? { status: "found", manifest } : { status: "torn", ...torn };
}

function unreadable(path: string, cause: unknown): SnapshotLookup {
  const message = `"${path}" cannot be read (${(cause as NodeJS.ErrnoException).code})`;
  return {
    status: "corrupt",
    reason: message,
    error: new PgSnapshotError("SNAPSHOT_CORRUPT", message, { cause }),
  };
}

/** Why manifest and dump are no pair, by looking at the dump's size alone. */
async function tearOf(folder: string, { dump }: SnapshotManifest): Promise<Tear | undefined> {
  const path = join(folder, dump.file);
  const found = await stat(path).catch(() => undefined);
  if (!found) return { reason: `${manifestFile} names "${dump.file}", which is not there` };
  if (found.size === dump.bytes) return undefined;
  if (await isLfsPointer(path)) {
    return {
      reason: `"${path}" is a Git LFS pointer, not the dump: run git lfs pull`,
      fetch: "git lfs pull",
    };
  }
  return { reason: `"${path}" has ${found.size} bytes, ${manifestFile} says ${dump.bytes}` };
}

interface Tear {
  readonly reason: string;
  readonly fetch?: string | undefined;
}

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
  options?: StoreOptions,
): Promise<OpenedDump> {
  const torn = await tearOf(folder, manifest);
  if (torn !== undefined) {
    throw new PgSnapshotError("SNAPSHOT_TORN", torn.reason, { hint: torn.fetch ?? "save the snapshot anew" });
  }
  const path = join(folder, manifest.dump.file);
  const { sha256 } = await sumFile(path, options?.signal);
  if (sha256 !== manifest.dump.sha256) {
    throw new PgSnapshotError(
      "SNAPSHOT_CORRUPT",
      `"${path}" does not have the SHA-256 that ${manifestFile} states`,
      {
        hint: "take it from version control again, or save the snapshot anew",
      },
    );
  }
  return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
}

interface WriteRequest {
  readonly folder: string;
  readonly draft: ManifestDraft;
  readonly dump: (path: string) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

async function write(root: string, { folder, draft, dump, signal }: WriteRequest): Promise<SnapshotManifest> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(root, ".gitattributes"), `*${dumpSuffix} binary\n`);
  await removeAbandoned(folder);
  const former = await formerDump(folder);
  const mark = `${hostMark()}-${process.pid}-${randomBytes(4).toString("hex")}`;
  const newDump = join(folder, `.new-${mark}${dumpSuffix}`);
  const newManifest = join(folder, `.new-${mark}.json`);
  try {
    await dump(newDump);
    signal?.throwIfAborted();
    const sum = await sumFile(newDump, signal);
    await syncToDisk(newDump);
    const manifest = {
      ...draft,
      dump: { file: `${sum.sha256.slice(0, 16)}${dumpSuffix}`, ...sum, ...draft.dump },
    };
    await writeFile(newManifest, formatManifest(manifest), { flag: "wx" });
    await syncToDisk(newManifest);
    signal?.throwIfAborted();
    await rename(newDump, join(folder, manifest.dump.file));
    await syncToDisk(folder);
    await rename(newManifest, join(folder, manifestFile));
    await syncToDisk(folder);
    if (former !== undefined && former !== manifest.dump.file)
      await rm(join(folder, former), { force: true });
    return parseManifest(formatManifest(manifest), folder);
  } finally {
    await Promise.all([rm(newDump, { force: true }), rm(newManifest, { force: true })]);
  }
}

async function formerDump(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, manifestFile), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return parseManifest(text, folder).dump.file;
  } catch {
    return undefined;
  }
}

/** Milliseconds after which a dump that no manifest names is left over: its writer names it within moments. */
const orphanAfterMs = 3_600_000;

/** Removes what killed writers left: unfinished files, and dumps that no manifest came to name. */
async function removeAbandoned(folder: string): Promise<void> {
  const named = await formerDump(folder);
  for (const name of await readdir(folder)) {
    const writer = /^\.new-([0-9a-f]+)-(\d+)-/.exec(name);
    const path = join(folder, name);
    if (writer) {
      // Only this machine's processes can be asked whether they live.
      if (writer[1] === hostMark() && !isAlive(Number(writer[2]))) await rm(path, { force: true });
    } else if (name.endsWith(dumpSuffix) && name !== named) {
      const found = await stat(path).catch(() => undefined);
      if (found && Date.now() - found.mtimeMs > orphanAfterMs) await rm(path, { force: true });
    }
  }
}

function hostMark(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
