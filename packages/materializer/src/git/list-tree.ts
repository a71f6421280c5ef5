import { GitError } from "./git-error.ts";
import type { GitLimits } from "./git-limits.ts";
import { treePath, type PathProblem } from "./tree-path.ts";

/** A file of a tree. Links and submodules are entries like any other: their content is data, and nobody follows it. */
export interface TreeEntry {
  readonly path: string;
  /** `100644` file, `100755` executable file, `120000` symbolic link, `160000` submodule. */
  readonly mode: string;
  readonly type: "blob" | "commit";
  readonly oid: string;
  /** Bytes; null for a submodule. */
  readonly size: number | null;
  readonly problem?: PathProblem;
}

/**
 * Reads what `ls-tree -r -t -l -z` wrote. The folders among it are only counted: empty ones that hold each other many
 * times would otherwise keep git busy for as long as it may run, without a file to show for it.
 *
 * @throws GitError `TooLarge` when there are more files, or more folders, than `maxFiles`; `Corrupt`
 */
export async function* parseTree(
  batches: AsyncIterable<Buffer[]>,
  limits: GitLimits,
): AsyncGenerator<TreeEntry, void> {
  let files = 0;
  let folders = 0;
  for await (const records of batches) {
    for (const record of records) {
      const entry = parseEntry(record, limits);
      if (entry === undefined) folders += 1;
      else files += 1;
      if (files > limits.maxFiles || folders > limits.maxFiles) throw tooManyFiles(limits);
      if (entry !== undefined) yield entry;
    }
  }
}

export function tooManyFiles({ maxFiles }: GitLimits): GitError {
  return new GitError("TooLarge", `The tree has more than ${maxFiles} files or folders.`, {
    hint: "Keep what is projected in a smaller repository, or raise `limits.maxFiles`.",
  });
}

/** @returns undefined for a folder */
function parseEntry(record: Buffer, limits: GitLimits): TreeEntry | undefined {
  const tab = record.indexOf(9);
  const [mode = "", type, oid = "", size] = record.toString("latin1", 0, tab).split(/ +/);
  if (type === "tree") return undefined;
  if (tab < 0 || (type !== "blob" && type !== "commit")) {
    throw new GitError("Corrupt", "git listed a tree entry that is none.");
  }
  return {
    ...treePath(record.subarray(tab + 1), limits),
    mode,
    type,
    oid,
    size: size === "-" ? null : Number(size),
  };
}
