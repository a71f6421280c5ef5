import { GitError } from "./git-error.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { TreeObject } from "./tree-object.ts";

/** Bytes of the largest tree object that is read: a folder of some hundred thousand files. */
const largestTree = 32 * 2 ** 20;

/**
 * Reads tree objects, in their order; undefined for those that are not here.
 *
 * @param names each an oid, or `<oid>^{tree}`
 * @throws GitError `TooLarge`
 */
export async function readTrees(
  reader: ObjectReader,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<(TreeObject | undefined)[]> {
  const infos = await reader.info(names, signal);
  if (infos.some((info) => info !== undefined && info.size > largestTree)) {
    throw new GitError(
      "TooLarge",
      `A folder of the repository takes more than ${largestTree} bytes to list.`,
    );
  }
  const contents = await reader.contents(names, signal);
  return contents.map((bytes, index) => bytes && { bytes, oidBytes: (infos[index]?.oid.length ?? 0) / 2 });
}
