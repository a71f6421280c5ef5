import { GitError } from "./git-error.ts";
import type { GitLimits } from "./git-limits.ts";
import { tooManyFiles } from "./list-tree.ts";
import { treePath, type PathProblem } from "./tree-path.ts";

/** What a path was and is. One of the two is absent when the path came or went. */
export interface TreeChange {
  readonly path: string;
  readonly before?: { readonly mode: string; readonly oid: string };
  readonly after?: { readonly mode: string; readonly oid: string };
  readonly problem?: PathProblem;
}

/**
 * Reads what `diff-tree -r -z --raw` wrote: `:mode mode oid oid status`, NUL, path, NUL.
 *
 * @throws GitError `TooLarge` when more paths differ than trees may have files; `Corrupt`
 */
export async function* parseDiff(
  batches: AsyncIterable<Buffer[]>,
  limits: GitLimits,
): AsyncGenerator<TreeChange, void> {
  let header: Buffer | undefined;
  let files = 0;
  for await (const records of batches) {
    for (const record of records) {
      if (header === undefined) header = record;
      else {
        if (++files > 2 * limits.maxFiles) throw tooManyFiles(limits);
        yield parseChange(header, record, limits);
        header = undefined;
      }
    }
  }
}

function parseChange(header: Buffer, path: Buffer, limits: GitLimits): TreeChange {
  const match = /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) [AMDT]/.exec(header.toString("latin1"));
  if (match === null) throw new GitError("Corrupt", "git told of a difference that is none.");
  const [, modeBefore = "", modeAfter = "", oidBefore = "", oidAfter = ""] = match;
  return {
    ...treePath(path, limits),
    ...(modeBefore !== "000000" && { before: { mode: modeBefore, oid: oidBefore } }),
    ...(modeAfter !== "000000" && { after: { mode: modeAfter, oid: oidAfter } }),
  };
}
