import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { FingerprintError } from "./errors.ts";
import { unreadable } from "./walk-root.ts";

export interface HashedFile {
  readonly sha256: string;
  /** Metadata of the very file that was read. */
  readonly stats: Stats;
}

/** Bytes read at a time, whatever the size of the file. */
const chunkBytes = 1 << 20;
const chunk = Buffer.allocUnsafeSlow(chunkBytes);

/** Readings of a file that keeps changing before it counts as unsettled. */
const attempts = 5;

/**
 * SHA-256 of a file's content. A file that changes while it is read is read again.
 *
 * @param eol `lf` hashes text as if its lines ended with LF
 * @throws {FingerprintError} `FILE_UNREADABLE`, `FILE_UNSETTLED`
 */
export function hashFile(path: string, eol?: "lf"): HashedFile {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const hashed = hashOnce(path, eol);
    if (hashed) return hashed;
  }
  throw new FingerprintError(
    "FILE_UNSETTLED",
    `"${path}" changed each of the ${attempts} times it was read`,
    {
      hint: "wait until whatever writes it is done, or exclude it",
    },
  );
}

/** `undefined` when the file changed under the reading. */
function hashOnce(path: string, eol: "lf" | undefined): HashedFile | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    const before = fstatSync(file);
    const hash = createHash("sha256");
    const bytes = eol === "lf" ? hashAsText(file, hash) : hashBytes(file, hash);
    const stats = fstatSync(file);
    const settled =
      bytes === stats.size &&
      before.size === stats.size &&
      before.mtimeMs === stats.mtimeMs &&
      before.ctimeMs === stats.ctimeMs;
    return settled ? { sha256: hash.digest("hex"), stats } : undefined;
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    closeSync(file);
  }
}

function hashBytes(file: number, hash: Hash): number {
  let bytes = 0;
  for (;;) {
    const read = readSync(file, chunk, 0, chunkBytes, null);
    if (read === 0) return bytes;
    hash.update(chunk.subarray(0, read));
    bytes += read;
  }
}

/** Bytes that git looks at to tell text from binary: https://git-scm.com/docs/gitattributes#_text (`buffer_is_binary`) */
const textProbeBytes = 8_000;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Leaves out every CR that stands before an LF, also when a chunk ends between the two; binary files stay. */
function hashAsText(file: number, hash: Hash): number {
  let bytes = 0;
  let isText: boolean | undefined;
  let heldReturn = false;
  for (;;) {
    const read = readSync(file, chunk, 0, chunkBytes, null);
    if (read === 0) break;
    bytes += read;
    let part = chunk.subarray(0, read);
    isText ??= !part.subarray(0, textProbeBytes).includes(0);
    if (!isText) {
      hash.update(part);
      continue;
    }
    if (heldReturn && part[0] !== lineFeed) hash.update("\r");
    heldReturn = part[part.length - 1] === carriageReturn;
    if (heldReturn) part = part.subarray(0, -1);
    updateWithLineFeeds(hash, part);
  }
  if (heldReturn) hash.update("\r");
  return bytes;
}

function updateWithLineFeeds(hash: Hash, part: Buffer): void {
  let start = 0;
  for (let at = part.indexOf(carriageReturn); at !== -1; at = part.indexOf(carriageReturn, at + 1)) {
    if (part[at + 1] !== lineFeed) continue;
    hash.update(part.subarray(start, at));
    start = at + 1;
  }
  hash.update(part.subarray(start));
}
