import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runGit, type RunOptions } from "./run-git.ts";

/** Packs from which on they are put together: looking an object up asks each of them. */
const mostPacks = 40;

/**
 * Keeps a repository fast after many fetches. Every object stays, reachable or not: versions that are served, and
 * builds that are under way, read commits that no branch has any more. Only under the mirror's fetch lock.
 *
 * @throws GitError
 */
export async function maintain(directory: string, options: RunOptions): Promise<void> {
  const packs = join(directory, "objects", "pack");
  const names = await readdir(packs).catch(() => []);
  for (const name of names.filter(isLeftover)) await rm(join(packs, name), { force: true });
  if (names.filter((name) => name.endsWith(".pack")).length < mostPacks) return;
  for (const args of [
    ["repack", "-d", "--geometric=2", "--quiet"],
    ["pack-refs", "--all"],
  ]) {
    const ended = await runGit(args, options);
    if (!ended.ok) throw ended.failure();
  }
}

/** What a git that was killed had not finished: nobody else writes here while the fetch lock is held. */
function isLeftover(name: string): boolean {
  return /^\.?tmp[_-]/.test(name);
}
