import { GitError } from "./git-error.ts";

/** One line of a tree object. */
export interface TreeLine {
  /** As git prints it, six digits: what old tools wrote otherwise is made canonical. */
  readonly mode: string;
  readonly name: Buffer;
  readonly oid: string;
  readonly isTree: boolean;
}

/** A tree object, as bytes that are read as far as they matter. */
export interface TreeObject {
  readonly bytes: Buffer;
  /** Of an object name: 20 or 32. */
  readonly oidBytes: number;
}

/** Reads a tree object line by line: mode, space, name, NUL, object name. */
export class TreeCursor {
  readonly #tree: TreeObject;
  #at = 0;
  #line: TreeLine | undefined;

  constructor(tree: TreeObject) {
    this.#tree = tree;
  }

  /** The line it stands at; undefined at the end. @throws GitError `Corrupt` */
  get line(): TreeLine | undefined {
    if (this.#at === this.#tree.bytes.length) return undefined;
    return (this.#line ??= readLine(this.#tree, this.#at, this.#end()));
  }

  next(): void {
    this.#at = this.#end();
    this.#line = undefined;
  }

  /** Leaves out the lines that both have here, byte for byte: a large folder of which a file changed has many. */
  skipEqual(other: TreeCursor): void {
    const [mine, theirs] = [this.#tree.bytes, other.#tree.bytes];
    for (;;) {
      if (this.#at === mine.length || other.#at === theirs.length) return;
      const end = this.#end();
      const length = end - this.#at;
      if (other.#at + length > theirs.length) return;
      if (mine.compare(theirs, other.#at, other.#at + length, this.#at, end) !== 0) return;
      this.#at = end;
      other.#at += length;
      this.#line = other.#line = undefined;
    }
  }

  #end(): number {
    const { bytes, oidBytes } = this.#tree;
    const nul = bytes.indexOf(0, this.#at);
    const end = nul + 1 + oidBytes;
    if (nul < 0 || end > bytes.length) throw damaged();
    return end;
  }
}

function readLine({ bytes, oidBytes }: TreeObject, start: number, end: number): TreeLine {
  const nul = end - oidBytes - 1;
  const space = bytes.indexOf(32, start);
  if (space < 0 || space >= nul) throw damaged();
  const mode = canonical(Number.parseInt(bytes.toString("latin1", start, space), 8));
  const name = bytes.subarray(space + 1, nul);
  return { mode, name, oid: bytes.toString("hex", nul + 1, end), isTree: mode === "040000" };
}

function damaged(): GitError {
  return new GitError("Corrupt", "A tree of the repository is damaged.");
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
