import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isFromThisRun, pidSpace } from "../pid-space.ts";
import { hasEnded } from "./postmaster.ts";

/** `making-<pid space>-<pid>-<random>` tells later runs whether its maker still lives. */
const making = /^making-(?:([0-9a-f]{8})-(\d+)-)?/;
const scratchPrefix = (): string => `making-${pidSpace()}-${process.pid}-`;

/**
 * Makes the folder `directory`/`name` so that it is whole or absent whoever is killed: `make` fills a folder
 * aside, which is then renamed. Of several makers one wins, and all use what won.
 *
 * @param make fills the folder of the given path; it makes that folder, too
 */
export async function makeAside(
  directory: string,
  name: string,
  make: (folder: string, scratch: string) => Promise<void>,
): Promise<void> {
  const scratch = await mkdtemp(join(directory, scratchPrefix()));
  try {
    await make(join(scratch, name), scratch);
    await rename(join(scratch, name), join(directory, name)).catch(ignoreOccupied);
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Moves `directory`/`name` out of the way and removes it, unless `isWanted` says of the moved one that it is. */
export async function removeAside(
  directory: string,
  name: string,
  isWanted: (folder: string) => Promise<boolean>,
): Promise<void> {
  const scratch = await mkdtemp(join(directory, scratchPrefix()));
  const moved = join(scratch, name);
  try {
    await rename(join(directory, name), moved);
    if (await isWanted(moved)) await rename(moved, join(directory, name)).catch(ignoreOccupied);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Milliseconds after which nobody is making anything any more, even if its pid is in use: it was given anew. */
const abandonedAfterMs = 60 * 60 * 1000;

/** Removes what makers left below `directory` that were killed. */
export async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!(await isAbandoned(directory, name))) continue;
    // An initdb that outlived its maker may still be writing; then the next run removes it.
    await rm(join(directory, name), { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  }
}

async function isAbandoned(directory: string, name: string): Promise<boolean> {
  const [found, space, pid] = making.exec(name) ?? [];
  if (found === undefined) return false;
  const mtimeMs = (await stat(join(directory, name)).catch(() => undefined))?.mtimeMs ?? 0;
  if (Date.now() - mtimeMs >= abandonedAfterMs) return true;
  // The number of another machine's or container's process says nothing here.
  if (space !== pidSpace()) return false;
  return Number(pid) === process.pid ? !isFromThisRun(mtimeMs) : await hasEnded(Number(pid));
}

function ignoreOccupied(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
}
