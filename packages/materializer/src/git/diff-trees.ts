import { GitError } from "./git-error.ts";
import type { GitLimits } from "./git-limits.ts";
import { tooManyFiles } from "./list-tree.ts";
import type { ObjectReader } from "./object-reader.ts";
import { readTrees } from "./read-trees.ts";
import { compareTreeLines, TreeCursor, type TreeLine, type TreeObject } from "./tree-object.ts";
import { treePath, type PathProblem } from "./tree-path.ts";

/** What a path was and is. One of the two is absent when the path came or went. */
export interface TreeChange {
  readonly path: string;
  readonly before?: { readonly mode: string; readonly oid: string };
  readonly after?: { readonly mode: string; readonly oid: string };
  readonly problem?: PathProblem;
}

export interface DiffTreesOptions {
  readonly limits: GitLimits;
  readonly signal?: AbortSignal | undefined;
}

const noTree: TreeObject = { bytes: Buffer.alloc(0), oidBytes: 0 };

/** One name in two trees: what it was, what it is. */
type Pair = readonly [before: TreeLine | undefined, after: TreeLine | undefined];

interface Folder {
  /** Bytes of its path, with a slash at its end unless it is the root. */
  readonly length: number;
  readonly pairs: Iterator<Pair>;
}

/** One path at a time, in one piece of memory: of folders inside each other each is the beginning of the next. */
class PathBuffer {
  #bytes = Buffer.allocUnsafeSlow(4096);

  /** Puts a name behind the first bytes of what is here. @returns the bytes that count now */
  put(length: number, name: Buffer): number {
    const end = length + name.length;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * end);
      this.#bytes.copy(larger, 0, 0, length);
      this.#bytes = larger;
    }
    name.copy(this.#bytes, length);
    return end;
  }

  /** The first bytes of what is here, as long as nothing else is put here. */
  upTo(length: number): Buffer {
    return this.#bytes.subarray(0, length);
  }
}

const slash = Buffer.from("/");

/**
 * The paths that differ between two trees, in git's order and as `git diff-tree -r --no-renames` tells them. Only
 * folders that differ are read, and one at a time: git itself gathers all differences before it writes the first,
 * so a few small trees that hold each other many times take all memory there is. Memory grows with the depth, by one
 * folder's name at each step of it.
 *
 * @throws GitError `RefMissing`; `TooLarge` when more paths or folders differ than two trees may have files; `Corrupt`
 */
export async function* diffTrees(
  reader: ObjectReader,
  trees: readonly [before: string, after: string],
  { limits, signal }: DiffTreesOptions,
): AsyncGenerator<TreeChange, void> {
  const [before, after] = await readTrees(
    reader,
    trees.map((oid) => `${oid}^{tree}`),
    signal,
  );
  if (before === undefined || after === undefined) {
    throw new GitError(
      "RefMissing",
      `The mirror has no tree of ${before === undefined ? trees[0] : trees[1]}.`,
    );
  }
  const path = new PathBuffer();
  const stack: Folder[] = [{ length: 0, pairs: differing(before, after) }];
  let seen = 0;
  for (let folder = stack.at(-1); folder !== undefined; folder = stack.at(-1)) {
    const next = folder.pairs.next();
    if (next.done) {
      stack.pop();
      continue;
    }
    if (++seen > 2 * limits.maxFiles) throw tooManyFiles(limits);
    const pair = next.value;
    const name = (pair[0] ?? pair[1])?.name ?? Buffer.alloc(0);
    const length = path.put(folder.length, name);
    if (pair[0]?.isTree || pair[1]?.isTree) {
      const pairs = differing(...(await readPair(reader, pair, signal)));
      stack.push({ length: path.put(length, slash), pairs });
    } else yield changeOf(path.upTo(length), pair, limits);
  }
}

function changeOf(path: Buffer, [before, after]: Pair, limits: GitLimits): TreeChange {
  return {
    ...treePath(path, limits),
    ...(before && { before: { mode: before.mode, oid: before.oid } }),
    ...(after && { after: { mode: after.mode, oid: after.oid } }),
  };
}

/** Walks two sorted folders side by side. A file that became a folder is two pairs: their places differ. */
function* differing(before: TreeObject, after: TreeObject): Generator<Pair, void> {
  const [a, b] = [new TreeCursor(before), new TreeCursor(after)];
  for (;;) {
    a.skipEqual(b);
    const [old, now] = [a.line, b.line];
    if (old === undefined && now === undefined) return;
    const order = old === undefined ? 1 : now === undefined ? -1 : compareTreeLines(old, now);
    if (order <= 0) a.next();
    if (order >= 0) b.next();
    // Two spellings of one mode.
    if (order === 0 && old?.oid === now?.oid && old?.mode === now?.mode) continue;
    yield [order <= 0 ? old : undefined, order >= 0 ? now : undefined];
  }
}

async function readPair(
  reader: ObjectReader,
  pair: Pair,
  signal: AbortSignal | undefined,
): Promise<[TreeObject, TreeObject]> {
  const wanted = pair.flatMap((line) => (line === undefined ? [] : [line.oid]));
  const found = (await readTrees(reader, wanted, signal)).values();
  const [before = noTree, after = noTree] = pair.map((line) => {
    if (line === undefined) return noTree;
    const tree = found.next().value;
    if (tree === undefined)
      throw new GitError("Corrupt", `The mirror lacks the tree ${line.oid}, which another names.`);
    return tree;
  });
  return [before, after];
}
