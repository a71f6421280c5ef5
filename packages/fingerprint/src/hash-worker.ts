import { parentPort, workerData } from "node:worker_threads";
import { hashShare, type HashShare } from "./hash-share.ts";

// Thread entry: hashes its share of the files, and answers once with all it found.
parentPort?.postMessage(hashShare(workerData as HashShare));
