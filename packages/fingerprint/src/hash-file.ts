import { createHash, hash as hashOnce, type Hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type ByteString, systemPath, textOf } from "./byte-string.ts";
import { FingerprintError } from "./errors.ts";
import type { Marks } from "./marks.ts";
import { readError, specialFile } from "./read-error.ts";

export interface HashedFile {
  readonly sha256: string;
  /** Metadata of the very file that was read. */
  readonly marks: Marks;
}

/** `lf` hashes text as if its lines ended with LF. */
export type EndOfLine = "lf" | undefined;

/** Bytes in memory at a time, whatever the size of the file. Most files need one reading. */
const chunkBytes = 1 << 18;
const chunk = Buffer.allocUnsafeSlow(chunkBytes);

/** Readings of a file that keeps changing before it counts as unsettled. */
const attempts = 5;

/** Without the flag, opening a pipe that took the place of a file would wait for a writer for ever. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * SHA-256 of a file's content. A file that changes while it is read is read again.
 *
 * @throws {FingerprintError} `FILE_UNREADABLE`, `FILE_UNSETTLED`, `FILE_SPECIAL`
 */
export function hashFile(path: ByteString, eol?: EndOfLine): HashedFile {
  const steps = hashFileInSteps(path, eol);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** As {@link hashFile}, with a stop after each chunk of a large file. */
export function* hashFileInSteps(path: ByteString, eol: EndOfLine): Generator<void, HashedFile> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const hashed = yield* attemptHash(path, eol);
    if (hashed) return hashed;
  }
  throw new FingerprintError(
    "FILE_UNSETTLED",
    `"${textOf(path)}" changed each of the ${attempts} times it was read`,
    { hint: "wait until whatever writes it is done, or exclude it" },
  );
}

/** `undefined` when the file changed under the reading. */
function* attemptHash(path: ByteString, eol: EndOfLine): Generator<void, HashedFile | undefined> {
  let file: number | undefined;
  try {
    file = openSync(systemPath(path), openFlags);
    const before = fstatSync(file);
    if (!before.isFile()) throw specialFile(path);
    const sha256 = yield* hashContent(file, before.size, eol);
    const after = fstatSync(file);
    return sha256 !== undefined && isSame(before, after) ? { sha256, marks: after } : undefined;
  } catch (cause) {
    throw cause instanceof FingerprintError ? cause : readError(path, cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isSame(before: Marks, after: Marks): boolean {
  return before.size === after.size && before.mtimeMs === after.mtimeMs && before.ctimeMs === after.ctimeMs;
}

/** `undefined` when the file is not as long as it said. */
function* hashContent(file: number, size: number, eol: EndOfLine): Generator<void, string | undefined> {
  let read = readSync(file, chunk, 0, chunkBytes, null);
  if (read === size && read < chunkBytes) return hashSmall(chunk.subarray(0, read), eol);
  const hash = createHash("sha256");
  const lines = eol === "lf" && !isBinary(chunk.subarray(0, read)) ? lineFeedWriter(hash) : undefined;
  let total = 0;
  // A file that grows as fast as it is read would never end.
  while (read > 0 && total <= size) {
    total += read;
    const part = chunk.subarray(0, read);
    if (lines) lines.write(part);
    else hash.update(part);
    yield;
    read = readSync(file, chunk, 0, chunkBytes, null);
  }
  lines?.end();
  return total === size ? hash.digest("hex") : undefined;
}

function hashSmall(content: Buffer, eol: EndOfLine): string {
  if (eol === undefined || !content.includes(carriageReturn) || isBinary(content)) {
    return hashOnce("sha256", content, "hex");
  }
  const hash = createHash("sha256");
  const lines = lineFeedWriter(hash);
  lines.write(content);
  lines.end();
  return hash.digest("hex");
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Git takes a file for binary when there is a NUL in its first 8000 bytes (`buffer_is_binary`). */
function isBinary(start: Buffer): boolean {
  return start.subarray(0, 8_000).includes(0);
}

/** Leaves out every CR that stands before an LF, also when a chunk ends between the two. */
function lineFeedWriter(hash: Hash): { write(part: Buffer): void; end(): void } {
  let heldReturn = false;
  return {
    write: (part) => {
      if (heldReturn && part[0] !== lineFeed) hash.update("\r");
      heldReturn = part.at(-1) === carriageReturn;
      const end = heldReturn ? part.length - 1 : part.length;
      let start = 0;
      for (
        let at = part.indexOf(carriageReturn);
        at !== -1 && at < end;
        at = part.indexOf(carriageReturn, at + 1)
      ) {
        if (part[at + 1] !== lineFeed) continue;
        hash.update(part.subarray(start, at));
        start = at + 1;
      }
      hash.update(part.subarray(start, end));
    },
    end: () => {
      if (heldReturn) hash.update("\r");
    },
  };
}
