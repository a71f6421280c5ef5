import { FingerprintError, type FingerprintErrorCode } from "./errors.ts";
import { hashFile } from "./hash-file.ts";
import type { FileMarks } from "./stat-cache.ts";

export interface FileToHash {
  readonly absolute: string;
  readonly eol: "lf" | undefined;
}

/** What several threads work through together. */
export interface HashShare {
  readonly files: readonly FileToHash[];
  /** Number of the next run of files that nobody has taken, and a flag that tells all to stop. */
  readonly shared: Int32Array;
}

export const nextSlot = 0;
export const stopSlot = 1;

/** Files taken at a time: few enough that threads end together, enough that taking them costs nothing. */
export const runLength = 64;

/** A file's number in the list and its hash, with the metadata that the cache needs. */
export interface HashedEntry {
  readonly index: number;
  readonly sha256: string;
  readonly stats: FileMarks;
}

export interface ShareResult {
  readonly hashed: readonly HashedEntry[];
  /** The first file that could not be hashed: errors do not keep their type from thread to thread. */
  readonly failure?: {
    readonly code: FingerprintErrorCode;
    readonly message: string;
    readonly hint: string | undefined;
  };
}

/** Takes run after run of the files and hashes them, until none is left or somebody says stop. */
export function hashShare({ files, shared }: HashShare, runs = Infinity): ShareResult {
  const hashed: HashedEntry[] = [];
  try {
    for (let run = 0; run < runs && Atomics.load(shared, stopSlot) === 0; run++) {
      const start = Atomics.add(shared, nextSlot, 1) * runLength;
      if (start >= files.length) break;
      for (let index = start; index < Math.min(start + runLength, files.length); index++) {
        const { absolute, eol } = files[index] as FileToHash;
        const { sha256, stats } = hashFile(absolute, eol);
        const { dev, ino, size, mtimeMs, ctimeMs } = stats;
        hashed.push({ index, sha256, stats: { dev, ino, size, mtimeMs, ctimeMs } });
      }
    }
  } catch (error) {
    Atomics.store(shared, stopSlot, 1);
    if (!(error instanceof FingerprintError)) throw error;
    return { hashed, failure: { code: error.code, message: error.message, hint: error.hint } };
  }
  return { hashed };
}
