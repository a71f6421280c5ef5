import { Worker } from "node:worker_threads";
import { closeBoard, type FileToHash, type HashBoard } from "./hash-board.ts";
import type { HashWorkerData } from "./hash-worker.ts";

/**
 * Threads that hash files of a board beside the main thread. One that cannot be started or that dies leaves its
 * files to the others; so a program that was bundled into a single file, without the worker's, still works.
 */
export class HashCrew implements AsyncDisposable {
  readonly #board: HashBoard;
  readonly #workers: Worker[] = [];
  readonly #exits: Promise<void>[] = [];

  constructor(board: HashBoard) {
    this.#board = board;
  }

  /** Starts threads, which begin at once; `files` are those of the board, in its order. */
  hire(count: number, files: readonly FileToHash[]): void {
    const workerData: HashWorkerData = {
      board: this.#board,
      paths: files.map(({ absolute }) => absolute).join("\0"),
      asLineFeeds: Uint8Array.from(files, ({ eol }) => (eol === "lf" ? 1 : 0)),
    };
    for (let hired = 0; hired < count; hired++) {
      const worker = startWorker(workerData);
      if (!worker) return;
      this.#workers.push(worker);
      this.#exits.push(exitOf(worker));
    }
  }

  /** Settles when every thread is done, has died or was ended. */
  async finished(): Promise<void> {
    await Promise.all(this.#exits);
  }

  /** Ends the threads, in the middle of a file if need be. */
  async end(): Promise<void> {
    closeBoard(this.#board);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** The file lies beside this one, in the built package and in the sources. */
const workerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./hash-worker-from-source.mjs" : "./hash-worker.js",
  import.meta.url,
);

function startWorker(workerData: HashWorkerData): Worker | undefined {
  try {
    // Without the flags of the process: what others preload into their programs is not for this thread.
    return new Worker(workerFile, { workerData, name: "headstart-fingerprint", execArgv: [] });
  } catch {
    return undefined;
  }
}

function exitOf(worker: Worker): Promise<void> {
  // Without a listener an error would end the process.
  worker.on("error", () => undefined);
  return new Promise((resolve) => {
    worker.once("exit", () => resolve());
  });
}
