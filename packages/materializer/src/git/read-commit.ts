import { GitError } from "./git-error.ts";
import type { ObjectReader } from "./object-reader.ts";

export interface Commit {
  readonly oid: string;
  readonly tree: string;
  readonly parents: readonly string[];
  /** As committed: anybody may write anything here. */
  readonly authorName: string;
  readonly authorEmail: string;
  readonly committedAt: Date;
}

/** Bytes of the largest commit that is read: its message counts. */
const largest = 2 ** 20;

/** @throws GitError `RefMissing` when it is not here or no commit; `TooLarge`, `Corrupt` */
export async function readCommit(reader: ObjectReader, oid: string, signal?: AbortSignal): Promise<Commit> {
  const [info] = await reader.info([oid], signal);
  if (info?.type !== "commit") throw new GitError("RefMissing", `The mirror has no commit ${oid}.`);
  if (info.size > largest) throw new GitError("TooLarge", `The commit ${oid} has ${info.size} bytes.`);
  const [bytes] = await reader.contents([oid], signal);
  if (bytes === undefined) throw new GitError("RefMissing", `The mirror has no commit ${oid}.`);
  return parseCommit(oid, bytes);
}

function parseCommit(oid: string, bytes: Buffer): Commit {
  const end = bytes.indexOf("\n\n");
  const lines = bytes.toString("utf8", 0, end < 0 ? bytes.length : end).split("\n");
  const all = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const [tree] = all("tree");
  if (tree === undefined) throw new GitError("Corrupt", `The commit ${oid} names no tree.`);
  const author = person(all("author")[0]);
  return {
    oid,
    tree,
    parents: all("parent"),
    authorName: author.name,
    authorEmail: author.email,
    committedAt: person(all("committer")[0]).at,
  };
}

/** Reads `Name <mail> seconds zone`. What cannot be read is empty, and the time then 1970. */
function person(line = ""): { name: string; email: string; at: Date } {
  const [, name = "", email = "", seconds = "0"] = /^(.*?) ?<([^>]*)>(?: (\d{1,12}) .*)?$/.exec(line) ?? [];
  return { name, email, at: new Date(Number(seconds) * 1000) };
}
