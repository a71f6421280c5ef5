import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { endianness } from "node:os";
import { dirname } from "node:path";
import type { ByteString } from "./byte-string.ts";
import type { FileToHash } from "./hash-board.ts";
import type { HashedFile } from "./hash-file.ts";
import { hasMarks, type Marks, marksLength, readMarks, writeMarks } from "./marks.ts";

/**
 * Milliseconds by which a file has to be older than its reading for its times to prove anything: within the
 * clock's tick a second change leaves no trace (git's "racy" entries). Two seconds is FAT's tick, the longest
 * in use: https://git-scm.com/docs/racy-git
 */
const tickMs = 2_000;

const hashLength = 64;

/**
 * Hashes of files by their metadata, so that unchanged files need not be read. What is damaged, foreign or too
 * fresh to be trusted is ignored, never used.
 */
export class StatCache {
  readonly #file: string;
  readonly #known: Entries;
  /** What this run saw: the place of what was known, or what was read. */
  readonly #seen: (number | Entry)[] = [];
  readonly #opened = { at: performance.now(), wall: Date.now() };
  /** Files come in the same order every time: the next one is most likely the one after the last. */
  #next = 0;
  #places: ReadonlyMap<ByteString, number> | undefined;
  #read = 0;

  constructor(file: string) {
    this.#file = file;
    this.#known = readEntries(file) ?? noEntries;
  }

  /** Whether there is nothing to look up. */
  get isEmpty(): boolean {
    return this.#known.keys.length === 0;
  }

  /**
   * The hash of a file whose metadata are as they were; `undefined` when it has to be read.
   *
   * @param index of the file in this run
   */
  lookUp(index: number, file: FileToHash, marks: Marks): string | undefined {
    const place = this.#placeOf(keyOf(file));
    if (place === undefined || !hasMarks(this.#known.marks, place * marksLength, marks)) return undefined;
    this.#seen[index] = place;
    return this.#hashAt(place);
  }

  store(index: number, file: FileToHash, hashed: HashedFile): void {
    this.#read += 1;
    this.#seen[index] = { key: keyOf(file), ...hashed };
  }

  /**
   * Writes the entries that this run saw and that may be trusted. A cache that cannot be written costs time and
   * nothing else.
   */
  save(): void {
    if (this.#read === 0 && this.#seen.length === this.#known.keys.length) return;
    const aside = `${this.#file}.${process.pid}-${randomBytes(6).toString("hex")}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(aside, "", { flag: "wx", mode: 0o600 });
      const trusted = this.#startOnDisk(aside) - tickMs;
      const entries = this.#seen
        .map((seen) => (typeof seen === "number" ? this.#entryAt(seen) : seen))
        .filter(({ marks }) => Math.max(marks.mtimeMs, marks.ctimeMs) < trusted);
      writeFileSync(aside, serialize(entries));
      renameSync(aside, this.#file);
    } catch {
      removeFile(aside);
    }
  }

  /** When the run began by the clock of the file system, which need not agree with ours, nor ours with itself. */
  #startOnDisk(file: string): number {
    const now = statSync(file).mtimeMs;
    return now - Math.max(performance.now() - this.#opened.at, Date.now() - this.#opened.wall);
  }

  #hashAt(place: number): string {
    return this.#known.hashes.slice(place * hashLength, (place + 1) * hashLength);
  }

  #entryAt(place: number): Entry {
    const { keys, marks } = this.#known;
    return {
      key: keys[place] as ByteString,
      marks: readMarks(marks, place * marksLength),
      sha256: this.#hashAt(place),
    };
  }

  #placeOf(key: ByteString): number | undefined {
    const { keys } = this.#known;
    if (keys[this.#next] === key) return this.#next++;
    this.#places ??= new Map(keys.map((known, index) => [known, index]));
    const place = this.#places.get(key);
    if (place !== undefined) this.#next = place + 1;
    return place;
  }
}

/** A file's hash depends on how its lines are read. Paths are absolute, so none starts like this. */
function keyOf({ absolute, eol }: FileToHash): ByteString {
  return eol === undefined ? absolute : `${eol} ${absolute}`;
}

interface Entry extends HashedFile {
  readonly key: ByteString;
}

interface Entries {
  readonly keys: readonly ByteString[];
  readonly marks: Float64Array;
  /** One after the other. */
  readonly hashes: string;
}

const noEntries: Entries = { keys: [], marks: new Float64Array(), hashes: "" };

/** Marks are in the byte order of the machine; the length lets them be read where they lie. */
const header = Buffer.from(`headstart-stat-cache/2 ${endianness()}\n`.padEnd(32));
const checksumLength = 32;

/** Header, checksum of what follows, count, marks, hashes, then the keys, which hold no NUL. */
function serialize(entries: readonly Entry[]): Buffer {
  const numbers = new Float64Array(1 + entries.length * marksLength);
  numbers[0] = entries.length;
  entries.forEach(({ marks }, index) => writeMarks(numbers, 1 + index * marksLength, marks));
  const hashes = entries.map(({ sha256 }) => sha256).join("");
  const keys = entries.map(({ key }) => key).join("\0");
  const body = Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(hashes + keys, "latin1")]);
  return Buffer.concat([header, checksum(body), body]);
}

function checksum(body: Buffer): Buffer {
  return createHash("sha256").update(body).digest();
}

/** `undefined` when there is no cache that this program wrote, whole. */
function readEntries(file: string): Entries | undefined {
  const content = readRegularFile(file);
  const start = header.length + checksumLength;
  if (!content || content.length < start + 8 || !content.subarray(0, header.length).equals(header)) {
    return undefined;
  }
  const body = content.subarray(start);
  if (!checksum(body).equals(content.subarray(header.length, start))) return undefined;
  // A copy, because the numbers have to begin at a multiple of eight.
  const numbers = new Float64Array(body.buffer.slice(body.byteOffset, body.byteOffset + marksEnd(body)));
  const count = (numbers.length - 1) / marksLength;
  const hashesEnd = numbers.byteLength + count * hashLength;
  const keys = count === 0 ? [] : body.toString("latin1", hashesEnd).split("\0");
  if (keys.length !== count) return undefined;
  return { keys, marks: numbers.subarray(1), hashes: body.toString("latin1", numbers.byteLength, hashesEnd) };
}

/** Where the marks end, by the count before them; a count that cannot be right is taken for none. */
function marksEnd(body: Buffer): number {
  const count = endianness() === "LE" ? body.readDoubleLE(0) : body.readDoubleBE(0);
  const fits =
    Number.isSafeInteger(count) && count >= 0 && count <= body.length / (marksLength * 8 + hashLength);
  return 8 * (1 + (fits ? count : 0) * marksLength);
}

function removeFile(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It was never made.
  }
}

function readRegularFile(path: string): Buffer | undefined {
  let file: number | undefined;
  try {
    // A pipe would be waited for.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    return fstatSync(file).isFile() ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
