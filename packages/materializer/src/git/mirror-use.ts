import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { holdFetchLock } from "./fetch-lock.ts";

/** Milliseconds after which a mirror that nobody asked for is removed. No single piece of work takes nearly as long. */
export const unusedMs = 7 * 86_400_000;

/** Its time of change is that of the mirror's last use. */
const mark = "used";

/** Marks a mirror as used, whether it has a mark or not. @returns false when it is gone. @throws GitError `Aborted` */
export async function beginUse(directory: string, signal?: AbortSignal): Promise<boolean> {
  await writeFile(join(directory, mark), "").catch(orGone);
  return await noteUse(directory, signal);
}

/**
 * Asked for before each use of a mirror.
 *
 * @returns false when it was removed: then it has to be opened again
 * @throws GitError `Aborted`
 */
export async function noteUse(directory: string, signal?: AbortSignal): Promise<boolean> {
  const now = new Date();
  if (!(await utimes(join(directory, mark), now, now).then(() => true, orGone))) return false;
  // Whoever was choosing what to remove may have looked at the mark before; whoever begins from now on sees it.
  const choosing = removing(dirname(directory));
  if ((await readdir(choosing).catch(() => [])).length > 0)
    await (await holdFetchLock(choosing, signal))[Symbol.asyncDispose]();
  return await stat(join(directory, mark)).then(() => true, orGone);
}

/** The lock of those who choose what to remove. */
function removing(root: string): string {
  return join(root, "removing");
}

function orGone(error: unknown): false {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
  throw error;
}

/** The mirrors that no process of this machine has used for a week. */
export async function listUnused(root: string): Promise<string[]> {
  const present = await readdir(root).catch(() => []);
  const names = await filtered(present.filter(isMirror), async (name) => await isUnused(join(root, name)));
  return names.map((name) => join(root, name));
}

/**
 * Removes the mirrors that no process of this machine has used for a week. They are moved aside under a lock that users of a mirror look for once they have marked it,
 * so nobody has one taken away that is in use.
 *
 * @returns how many were removed
 */
export async function removeUnused(root: string, signal?: AbortSignal): Promise<number> {
  const before = (await readdir(root).catch(() => [])).filter((name) => name.startsWith(asidePrefix));
  const unused = await listUnused(root);
  const moved = unused.length === 0 ? [] : await moveAside(root, unused, signal);
  // With what a process that was killed had moved aside.
  const aside = [...moved, ...before];
  for (const name of aside) await rm(join(root, name), { recursive: true, force: true });
  return moved.length;
}

const asidePrefix = "unused-";

async function moveAside(
  root: string,
  directories: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  await using _lock = await holdFetchLock(removing(root), signal);
  const moved: string[] = [];
  for (const directory of directories) {
    if (!(await isUnused(directory))) continue;
    const aside = asidePrefix + randomUUID();
    if (await rename(directory, join(root, aside)).then(() => true, orGone)) moved.push(aside);
  }
  return moved;
}

function isMirror(name: string): boolean {
  return /^[0-9a-f]{24}$/.test(name);
}

/** By the mark; a mirror that has none, of an earlier version, is used when it is fetched into. */
async function isUnused(directory: string): Promise<boolean> {
  const times = await Promise.all(
    ["", mark, "lock"].map(
      async (name) => (await stat(join(directory, name)).catch(() => undefined))?.mtimeMs,
    ),
  );
  return times.every((time) => time === undefined || time < Date.now() - unusedMs);
}

async function filtered<T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(keep));
  return items.filter((_, index) => kept[index]);
}
