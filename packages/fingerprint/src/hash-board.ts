import type { ByteString } from "./byte-string.ts";
import type { EndOfLine, HashedFile } from "./hash-file.ts";
import { marksLength, readMarks, writeMarks } from "./marks.ts";

export interface FileToHash {
  readonly absolute: ByteString;
  readonly eol: EndOfLine;
}

/**
 * Memory that the threads share: who takes which file, and what came out. No thread ever waits for another. A
 * file that is not settled at the end, because it could not be read or because its thread died, falls to the
 * main thread, which meets the error again and can say what it is.
 */
export interface HashBoard {
  readonly count: number;
  /** First the index of the next file that nobody has taken, then the number of settled files. */
  readonly counters: Int32Array;
  /** One number: the bytes of the settled files. */
  readonly bytes: BigInt64Array;
  /** 1 for each file whose results are written. */
  readonly settled: Uint8Array;
  readonly digests: Uint8Array;
  readonly marks: Float64Array;
}

/** Hexadecimal digits, a byte each. */
const digestLength = 64;

export function hashBoard(count: number): HashBoard {
  return {
    count,
    counters: new Int32Array(new SharedArrayBuffer(8)),
    bytes: new BigInt64Array(new SharedArrayBuffer(8)),
    settled: new Uint8Array(new SharedArrayBuffer(count)),
    digests: new Uint8Array(new SharedArrayBuffer(count * digestLength)),
    marks: new Float64Array(new SharedArrayBuffer(count * marksLength * 8)),
  };
}

/** The index of a file that is now the caller's, or `undefined` when none is left. */
export function takeFile({ counters, count }: HashBoard): number | undefined {
  const index = Atomics.add(counters, 0, 1);
  return index < count ? index : undefined;
}

/** Nobody takes another file. */
export function closeBoard({ counters, count }: HashBoard): void {
  Atomics.store(counters, 0, count);
}

export interface HashProgress {
  readonly files: number;
  readonly bytes: number;
}

export function progressOf({ counters, bytes }: HashBoard): HashProgress {
  return { files: Atomics.load(counters, 1), bytes: Number(Atomics.load(bytes, 0)) };
}

export function isSettled({ settled }: HashBoard, index: number): boolean {
  return Atomics.load(settled, index) === 1;
}

export function settle(board: HashBoard, index: number, { sha256, marks }: HashedFile): void {
  writeMarks(board.marks, index * marksLength, marks);
  asBuffer(board.digests).write(sha256, index * digestLength, "latin1");
  // Written last and atomically, so that whoever sees it sees the rest.
  Atomics.store(board.settled, index, 1);
  Atomics.add(board.counters, 1, 1);
  Atomics.add(board.bytes, 0, BigInt(marks.size));
}

/** What came out, for all files in their order. */
export function settledResults({ count, digests, marks }: HashBoard): HashedFile[] {
  const text = asBuffer(digests).toString("latin1");
  return Array.from({ length: count }, (_, index) => ({
    sha256: text.slice(index * digestLength, (index + 1) * digestLength),
    marks: readMarks(marks, index * marksLength),
  }));
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
