import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it. Node's recursive `mkdir` never ends where a folder is there and yet
 * cannot hold another, such as `/proc`.
 *
 * @returns the topmost folder that was made, `undefined` when all were there
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  try {
    return await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
  }
  const above = await makeFolder(dirname(path));
  const made = await makeOne(path);
  return above ?? made;
}

/** `undefined` when it is there already, perhaps since another process made it just now. */
async function makeOne(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST" && (await stat(path)).isDirectory();
    if (!isThere) throw error;
    return undefined;
  }
}
