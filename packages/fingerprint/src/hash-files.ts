import { availableParallelism } from "node:os";
import {
  type FileToHash,
  hashBoard,
  type HashProgress,
  isSettled,
  progressOf,
  settle,
  settledResults,
  takeFile,
} from "./hash-board.ts";
import { HashCrew } from "./hash-crew.ts";
import { type HashedFile, hashFileInSteps } from "./hash-file.ts";
import type { Turns } from "./turns.ts";

export interface HashFilesOptions {
  /** Threads that read, this one included. */
  readonly concurrency: number;
  readonly turns: Turns;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: HashProgress) => void) | undefined;
}

/** Threads beyond this number wait for memory and disk, not for each other's work. */
export const defaultConcurrency = Math.min(availableParallelism(), 8);

/** A thread takes some 40 ms to start. This many files take longer, whatever their size. */
const manyFiles = 2_000;

/** Milliseconds of hashing after which few files turn out to be large ones. */
const longWork = 60;

/** Milliseconds between two reports while other threads do the work. */
const reportEvery = 100;

/**
 * Hashes files, with more threads where the work is worth starting them. An abort ends the threads and closes
 * what they have open.
 *
 * @throws {FingerprintError} as `hashFile`
 */
export async function hashFiles(
  files: readonly FileToHash[],
  { concurrency, turns, signal, onProgress }: HashFilesOptions,
): Promise<HashedFile[]> {
  const board = hashBoard(files.length);
  await using crew = new HashCrew(board);
  const [started, helpers] = [performance.now(), Math.min(concurrency, files.length) - 1];
  let isHired = false;
  const hire = (): void => {
    if (!isHired) crew.hire(helpers, files);
    isHired = true;
  };
  turns.onPause = () => {
    onProgress?.(progressOf(board));
    if (performance.now() - started > longWork) hire();
  };
  const hash = async (index: number): Promise<void> => {
    settle(board, index, await hashInTurns(files[index] as FileToHash, turns));
    if (turns.due) await turns.pause();
  };
  if (files.length >= manyFiles) hire();
  for (let index = takeFile(board); index !== undefined; index = takeFile(board)) await hash(index);
  await finish(crew, { signal, report: () => onProgress?.(progressOf(board)) });
  for (let index = 0; index < files.length; index++) if (!isSettled(board, index)) await hash(index);
  turns.onPause = () => undefined;
  return settledResults(board);
}

async function hashInTurns({ absolute, eol }: FileToHash, turns: Turns): Promise<HashedFile> {
  const steps = hashFileInSteps(absolute, eol);
  try {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (turns.due) await turns.pause();
    }
  } finally {
    // Closes the file when an abort ended the loop.
    steps.return(undefined as never);
  }
}

interface FinishOptions {
  readonly signal: AbortSignal | undefined;
  readonly report: () => void;
}

async function finish(crew: HashCrew, { signal, report }: FinishOptions): Promise<void> {
  const abort = (): void => void crew.end();
  const timer = setInterval(report, reportEvery);
  signal?.addEventListener("abort", abort);
  try {
    signal?.throwIfAborted();
    await crew.finished();
    signal?.throwIfAborted();
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", abort);
  }
}
