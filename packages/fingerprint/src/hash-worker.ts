import { workerData } from "node:worker_threads";
import { type HashBoard, settle, takeFile } from "./hash-board.ts";
import { hashFile } from "./hash-file.ts";

export interface HashWorkerData {
  readonly board: HashBoard;
  /** Absolute paths as byte strings, with a NUL between each two. */
  readonly paths: string;
  /** 1 for each file whose lines are read as if they ended with LF. */
  readonly asLineFeeds: Uint8Array;
}

const { board, paths, asLineFeeds } = workerData as HashWorkerData;
const files = paths.split("\0");
for (let index = takeFile(board); index !== undefined; index = takeFile(board)) {
  try {
    settle(board, index, hashFile(files[index] ?? "", asLineFeeds[index] === 1 ? "lf" : undefined));
  } catch {
    // Left to the main thread, which meets the same error and throws it.
  }
}
