import { GitError } from "./git-error.ts";

/** One line of a tree object. */
export interface TreeLine {
  /** As git prints it, six digits: what old tools wrote otherwise is made canonical. */
  readonly mode: string;
  readonly name: Buffer;
  readonly oid: string;
  readonly isTree: boolean;
}

/**
 * Reads a tree object: mode, space, name, NUL, object name, and so on.
 *
 * @param oidBytes 20 or 32
 * @throws GitError `Corrupt`
 */
export function parseTreeObject(bytes: Buffer, oidBytes: number): TreeLine[] {
  const lines: TreeLine[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    const next = end + 1 + oidBytes;
    if (space < 0 || end < 0 || next > bytes.length)
      throw new GitError("Corrupt", "A tree of the repository is damaged.");
    const mode = canonical(Number.parseInt(bytes.toString("latin1", at, space), 8));
    const name = bytes.subarray(space + 1, end);
    lines.push({ mode, name, oid: bytes.toString("hex", end + 1, next), isTree: mode === "040000" });
    at = next;
  }
  return lines;
}

function canonical(mode: number): string {
  const kind = mode & 0o170000;
  if (kind === 0o100000) return (mode & 0o100) === 0 ? "100644" : "100755";
  if (kind === 0o120000) return "120000";
  return kind === 0o040000 ? "040000" : "160000";
}

/** Git's order: by bytes, a folder as if its name ended with a slash. */
export function compareTreeLines(a: TreeLine, b: TreeLine): number {
  const length = Math.min(a.name.length, b.name.length);
  const order = a.name.compare(b.name, 0, length, 0, length);
  return order !== 0 ? order : after(a, length) - after(b, length);
}

function after({ name, isTree }: TreeLine, index: number): number {
  return name[index] ?? (isTree ? 47 : 0);
}
