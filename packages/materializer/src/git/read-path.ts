import { GitError } from "./git-error.ts";
import type { GitLimits } from "./git-limits.ts";
import type { ObjectReader } from "./object-reader.ts";
import { readTrees } from "./read-trees.ts";
import { TreeCursor, type TreeLine, type TreeObject } from "./tree-object.ts";

/** A file as it was committed. Of a symbolic link (`120000`) the bytes are where it points: it is not followed. */
export interface PathRead {
  readonly path: string;
  /** `100644`, `100755` or `120000`. */
  readonly mode: string;
  readonly oid: string;
  readonly bytes: Buffer;
}

export interface ReadPathOptions {
  readonly limits: GitLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads one file of a commit or tree. Folder by folder, since a path may hold anything and git's own reader takes its
 * questions line by line.
 *
 * @throws GitError `RefMissing` without the commit; `PathMissing` when there is no file; `TooLarge`, `Corrupt`
 */
export async function readPath(
  reader: ObjectReader,
  { tree, path }: { tree: string; path: string },
  { limits, signal }: ReadPathOptions,
): Promise<PathRead> {
  const [root] = await readTrees(reader, [`${tree}^{tree}`], signal);
  if (root === undefined) throw new GitError("RefMissing", `The mirror has no tree of ${tree}.`);
  const names = path.split("/");
  let folder = root;
  for (const name of names.slice(0, -1)) {
    const line = find(folder, name);
    if (line === undefined || !line.isTree) throw missing(path, "does not exist");
    folder = await readFolder(reader, line, signal);
  }
  const line = find(folder, names.at(-1) ?? "");
  if (line === undefined) throw missing(path, "does not exist");
  if (line.isTree) throw missing(path, "is a folder");
  if (line.mode === "160000") throw missing(path, "is a submodule");
  return { path, mode: line.mode, oid: line.oid, bytes: await readBlob(reader, line, { limits, signal }) };
}

function find(folder: TreeObject, name: string): TreeLine | undefined {
  const wanted = Buffer.from(name);
  const cursor = new TreeCursor(folder);
  for (let line = cursor.line; line !== undefined; line = cursor.line) {
    if (line.name.equals(wanted)) return line;
    cursor.next();
  }
  return undefined;
}

async function readFolder(
  reader: ObjectReader,
  { oid }: TreeLine,
  signal: AbortSignal | undefined,
): Promise<TreeObject> {
  const [folder] = await readTrees(reader, [oid], signal);
  if (folder === undefined) throw lacking(oid);
  return folder;
}

async function readBlob(
  reader: ObjectReader,
  { oid }: TreeLine,
  { limits, signal }: ReadPathOptions,
): Promise<Buffer> {
  const [info] = await reader.info([oid], signal);
  if (info === undefined) throw lacking(oid);
  if (info.size > limits.maxFileBytes)
    throw new GitError("TooLarge", `The file has ${info.size} bytes, more than ${limits.maxFileBytes}.`);
  const [bytes] = await reader.contents([oid], signal);
  if (bytes === undefined) throw lacking(oid);
  return bytes;
}

function missing(path: string, how: string): GitError {
  return new GitError("PathMissing", `${JSON.stringify(path)} ${how} in this commit.`);
}

function lacking(oid: string): GitError {
  return new GitError("Corrupt", `The mirror lacks ${oid}, which a tree of it names.`);
}
