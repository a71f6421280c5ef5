import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FingerprintError } from "./errors.ts";
import {
  type FileToHash,
  hashShare,
  type HashedEntry,
  nextSlot,
  runLength,
  type ShareResult,
  stopSlot,
} from "./hash-share.ts";

export interface HashFilesOptions {
  /** Bytes of all files together, as far as they are known. */
  readonly bytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onHashed?: ((files: number) => void) | undefined;
}

/**
 * Work below which a thread does not pay: it takes about 40 ms to start, in which the main thread hashes some
 * 50 MB, or opens some 3,000 files.
 */
const threadFromBytes = 96_000_000;
const threadFromFiles = 6_000;
const maxThreads = 8;

/**
 * Hashes files, on several threads when there is enough to do.
 *
 * @returns the hashes in the order of the files
 * @throws {FingerprintError} `FILE_UNREADABLE`, `FILE_UNSETTLED`
 */
export async function hashFiles(
  files: readonly FileToHash[],
  options: HashFilesOptions,
): Promise<HashedEntry[]> {
  const { bytes, signal, onHashed } = options;
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const pays = bytes >= threadFromBytes || files.length >= threadFromFiles;
  const threads = pays ? Math.min(availableParallelism(), maxThreads) - 1 : 0;
  const workers = workerUrl
    ? Array.from({ length: threads }, () => startWorker(workerUrl, { files, shared }))
    : [];
  const answers = Promise.all(workers.map(answerOf));
  // Should the main thread fail first, its error is the one that is told.
  answers.catch(() => undefined);
  const results: ShareResult[] = [];
  try {
    // The main thread takes its share run by run, and lets the event loop turn in between.
    for (let working = true; working;) {
      signal?.throwIfAborted();
      const result = hashShare({ files, shared }, 1);
      working = result.hashed.length > 0;
      results.push(result);
      onHashed?.(Math.min(Atomics.load(shared, nextSlot) * runLength, files.length));
      await new Promise(setImmediate);
    }
    results.push(...(await answers));
  } finally {
    Atomics.store(shared, stopSlot, 1);
    await Promise.all(workers.map(async (worker) => await worker.terminate()));
  }
  const failure = results.find((result) => result.failure)?.failure;
  if (failure) throw new FingerprintError(failure.code, failure.message, { hint: failure.hint });
  return results.flatMap((result) => result.hashed).sort((a, b) => a.index - b.index);
}

/** Threads load the built file; the sources, which no thread can load, work on one alone. */
const workerUrl = import.meta.url.endsWith(".ts") ? undefined : new URL("./hash-worker.js", import.meta.url);

function startWorker(url: URL, workerData: HashShare): Worker {
  // Flags of the process may forbid a file as entry (`--input-type`), or make every thread slow (`--import`).
  return new Worker(url, { workerData, execArgv: [] });
}

async function answerOf(worker: Worker): Promise<ShareResult> {
  return await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => resolve({ hashed: [] }));
  });
}
