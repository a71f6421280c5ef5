import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, type Stats, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";

/**
 * Milliseconds by which a file has to be older than its reading for its times to prove anything: within the
 * clock's tick a second change leaves no trace (git's "racy" entries). Two seconds is FAT's tick, the longest
 * in use: https://git-scm.com/docs/racy-git
 */
const tickMs = 2_000;

/** The metadata that tell whether a file is the one that was read. */
export type FileMarks = Pick<Stats, "dev" | "ino" | "size" | "mtimeMs" | "ctimeMs">;

/** Numbers kept of each file: device, inode, size, and the times of the last change to content and metadata. */
const marks = 5;
const hashBytes = 32;

/**
 * Hashes of files by their metadata, so that unchanged files need not be read. What is damaged, foreign or too
 * fresh to be trusted is ignored, never used.
 *
 * The file: SHA-256 of what follows it, a magic word, the number of entries, and then for all entries their
 * marks, their hashes and their keys.
 */
export class StatCache {
  readonly #file: string;
  readonly #known: Entries;
  readonly #openedAt = performance.now();
  /** Entries of the file that still hold, by number: what is known already is not copied. */
  readonly #held: number[] = [];
  readonly #read: Entry[] = [];
  #index: ReadonlyMap<string, number> | undefined;
  #next = 0;

  constructor(file: string) {
    this.#file = file;
    this.#known = readEntries(file);
  }

  /** The hash of a file whose metadata are as they were; `undefined` when it has to be read. */
  lookUp(path: string, eol: "lf" | undefined, stats: FileMarks): string | undefined {
    const key = keyOf(path, eol);
    const { keys, numbers, hashes } = this.#known;
    const at = this.#find(key, keys);
    if (at === undefined) return undefined;
    const same =
      numbers[at * marks] === stats.dev &&
      numbers[at * marks + 1] === stats.ino &&
      numbers[at * marks + 2] === stats.size &&
      numbers[at * marks + 3] === stats.mtimeMs &&
      numbers[at * marks + 4] === stats.ctimeMs;
    if (!same) return undefined;
    this.#held.push(at);
    return hashes.toString("hex", at * hashBytes, (at + 1) * hashBytes);
  }

  store(path: string, eol: "lf" | undefined, { sha256, stats }: { sha256: string; stats: FileMarks }): void {
    this.#read.push({ key: keyOf(path, eol), marks: toNumbers(stats), sha256 });
  }

  /** Writes the entries that this run saw and that may be trusted; a cache that cannot be written is no error. */
  save(): void {
    if (this.#read.length === 0 && this.#held.length === this.#known.keys.length) return;
    const aside = `${this.#file}.${process.pid}-${randomBytes(4).toString("hex")}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(aside, "");
      // The file system's own clock, as it stood when the run began: the two clocks need not agree.
      const startedMs = statSync(aside).mtimeMs - (performance.now() - this.#openedAt);
      const oldMs = startedMs - tickMs;
      const trusted = this.#read.filter(
        ({ key, marks: [, , , mtimeMs = 0, ctimeMs = 0] }) =>
          Math.max(mtimeMs, ctimeMs) < oldMs && !key.includes("\n"),
      );
      writeFileSync(aside, formatEntries([...this.#held.map((at) => entryAt(this.#known, at)), ...trusted]));
      renameSync(aside, this.#file);
    } catch {
      removeQuietly(aside);
    }
  }

  /** Files come in the order of the run before, as a rule; only when they do not is an index worth its time. */
  #find(key: string, keys: readonly string[]): number | undefined {
    if (keys[this.#next] === key) return this.#next++;
    this.#index ??= new Map(keys.map((known, index) => [known, index]));
    const at = this.#index.get(key);
    if (at !== undefined) this.#next = at + 1;
    return at;
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Where nothing can be written, nothing was left.
  }
}

interface Entry {
  readonly key: string;
  readonly marks: readonly number[];
  readonly sha256: string;
}

function toNumbers({ dev, ino, size, mtimeMs, ctimeMs }: FileMarks): number[] {
  return [dev, ino, size, mtimeMs, ctimeMs];
}

function entryAt({ keys, numbers, hashes }: Entries, at: number): Entry {
  return {
    key: keys[at] ?? "",
    marks: [...numbers.subarray(at * marks, (at + 1) * marks)],
    sha256: hashes.toString("hex", at * hashBytes, (at + 1) * hashBytes),
  };
}

interface Entries {
  readonly keys: readonly string[];
  readonly numbers: Float64Array;
  readonly hashes: Buffer;
}

const none: Entries = { keys: [], numbers: new Float64Array(), hashes: Buffer.alloc(0) };
const magic = "hsstat01";
const headerBytes = hashBytes + magic.length + 8;

function formatEntries(entries: readonly Entry[]): Buffer {
  const numbers = new Float64Array(entries.flatMap((entry) => entry.marks));
  const count = Buffer.alloc(8);
  count.writeDoubleLE(entries.length);
  const body = Buffer.concat([
    Buffer.from(magic),
    count,
    Buffer.from(numbers.buffer),
    Buffer.from(entries.map(({ sha256 }) => sha256).join(""), "hex"),
    Buffer.from(entries.map(({ key }) => key).join("\n")),
  ]);
  return Buffer.concat([createHash("sha256").update(body).digest(), body]);
}

function readEntries(file: string): Entries {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return none;
  }
  const sum = createHash("sha256").update(bytes.subarray(hashBytes)).digest();
  if (bytes.length < headerBytes || !sum.equals(bytes.subarray(0, hashBytes))) return none;
  if (bytes.toString("latin1", hashBytes, hashBytes + magic.length) !== magic) return none;
  const count = bytes.readDoubleLE(headerBytes - 8);
  const hashesAt = headerBytes + count * marks * 8;
  const keysAt = hashesAt + count * hashBytes;
  // Copied, because numbers have to start at a multiple of eight.
  const numbers = new Float64Array(
    bytes.buffer.slice(bytes.byteOffset + headerBytes, bytes.byteOffset + hashesAt),
  );
  const keys = count === 0 ? [] : bytes.toString("utf8", keysAt).split("\n");
  return { keys, numbers, hashes: bytes.subarray(hashesAt, keysAt) };
}

function keyOf(path: string, eol: "lf" | undefined): string {
  return eol === "lf" ? `L${path}` : `B${path}`;
}
