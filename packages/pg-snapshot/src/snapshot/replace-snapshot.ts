import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sumFile, syncToDisk } from "./file-sync.ts";
import { makeFolder } from "./make-folder.ts";
import { markDumpsAsBinary } from "./git-attributes.ts";
import { manifestFile } from "./read-manifest.ts";
import {
  dumpSuffix,
  formatManifest,
  type ManifestDraft,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";
import { removeUnfinished, removeUnnamed, writerMark } from "./sweep-folder.ts";

export interface Replacement {
  /** Where the pair lies, a folder directly in the store's. */
  readonly folder: string;
  readonly draft: ManifestDraft;
  readonly dump: (path: string) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Puts a new pair of dump and manifest in the place of the one in `folder`. The new dump has a name of its own
 * and the manifest is renamed into place last, each after it is safely on the disk: at every moment, also after
 * a crash, the manifest names a whole dump, the old or the new.
 */
export async function replaceSnapshot({
  folder,
  draft,
  dump,
  signal,
}: Replacement): Promise<SnapshotManifest> {
  const root = dirname(folder);
  const mark = writerMark();
  const newDump = join(folder, `.new-${mark}${dumpSuffix}`);
  const newManifest = join(folder, `.new-${mark}.json`);
  signal?.throwIfAborted();
  const created = await makeFolder(folder);
  if (created !== undefined) await syncToDisk(dirname(created));
  await removeUnfinished(root);
  await removeUnfinished(folder);
  await markDumpsAsBinary(root, mark);
  try {
    await dump(newDump);
    signal?.throwIfAborted();
    const sum = await sumFile(newDump, signal);
    await syncToDisk(newDump);
    const file = `${sum.sha256.slice(0, 16)}${dumpSuffix}`;
    const manifest: Omit<SnapshotManifest, "format"> = { ...draft, dump: { file, ...sum, ...draft.dump } };
    const text = formatManifest(manifest);
    await writeFile(newManifest, text, { flag: "wx" });
    await syncToDisk(newManifest);
    signal?.throwIfAborted();
    await rename(newDump, join(folder, file));
    await syncToDisk(folder);
    await rename(newManifest, join(folder, manifestFile));
    await syncToDisk(folder);
    // The new pair is in place; what cannot be cleared away is left to the next writer.
    await removeUnnamed(folder).catch(() => undefined);
    return JSON.parse(text) as SnapshotManifest;
  } finally {
    await Promise.all([rm(newDump, { force: true }), rm(newManifest, { force: true })]);
  }
}
