import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isFromThisRun, pidSpace } from "../pid-space.ts";
import { readManifest } from "./read-manifest.ts";
import { parseManifest } from "./snapshot-manifest.ts";

/** A file that is being written: `.new-<pid space>-<pid>-<random>.<what>`. */
const unfinished = /^\.new-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.(\w+)$/;
/** A dump that a store named. Other files are nobody's business but their owner's. */
const ownDump = /^[0-9a-f]{16}\.pgdump$/;

/** After so many milliseconds a file that another machine or container began is given up: its writer cannot be asked. */
const foreignAfterMs = 24 * 3_600_000;

/** What tells the unfinished files of one writing from those of another. */
export function writerMark(): string {
  return `${pidSpace()}-${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Removes the unfinished files of writers that are gone. A folder that is absent has none. */
export async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names) {
    if (await isAbandoned(folder, name)) await rm(join(folder, name), { force: true });
  }
}

/**
 * Removes the dumps that no manifest names any more: the one just replaced, and what killed writers left. Call
 * it when the manifest is known to be whole.
 *
 * A writer names its dump in an unfinished manifest before it puts it in place, and that manifest becomes the
 * folder's by a rename. So a dump that is seen here was named, at that moment, by an unfinished manifest or by
 * the folder's, provided that the folder's is read last.
 */
export async function removeUnnamed(folder: string): Promise<void> {
  const names = await readdir(folder);
  const named = new Set<string>();
  for (const name of names.filter((candidate) => unfinished.exec(candidate)?.[3] === "json")) {
    const text = await readFile(join(folder, name), "utf8").catch(() => "");
    named.add(dumpNamedBy(text) ?? "");
  }
  const current = await readManifest(folder);
  if (current === undefined) return;
  named.add(current.dump.file);
  for (const name of names) {
    if (ownDump.test(name) && !named.has(name)) await rm(join(folder, name), { force: true });
  }
}

/** `undefined` for a manifest that is not yet whole: its dump is not in place yet either. */
function dumpNamedBy(text: string): string | undefined {
  try {
    return parseManifest(text, "").dump.file;
  } catch {
    return undefined;
  }
}

async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const [, space, pid] = unfinished.exec(name) ?? [];
  if (space === undefined) return false;
  const known = space === pidSpace();
  if (known && Number(pid) !== process.pid) return !isAlive(Number(pid));
  const found = await stat(join(folder, name)).catch(() => undefined);
  if (found === undefined) return false;
  return known ? !isFromThisRun(found.mtimeMs) : Date.now() - found.mtimeMs > foreignAfterMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
