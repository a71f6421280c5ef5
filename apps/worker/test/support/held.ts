import { expect } from "vitest";
import type { WorkerProcess } from "./worker-process.ts";

/** What a process holds once its garbage is collected. Bytes, and a count. */
export interface Held {
  readonly rss: number;
  readonly heapUsed: number;
  readonly openFiles: number;
}

/** Environment of a worker that can be asked for it. */
export const gauged = {
  NODE_OPTIONS: `--import=${new URL("memory-gauge.mjs", import.meta.url).href}`,
} as const;

export async function heldBy(worker: WorkerProcess): Promise<Held> {
  const measurement = worker.log.filter(({ event }) => event === "test.held").length + 1;
  worker.send("SIGUSR2");
  const line = await worker.logged("test.held", (one) => one["measurement"] === measurement);
  const [rss, heapUsed, openFiles] = ["rss", "heapUsed", "openFiles"].map((key) => Number(line[key]));
  return { rss: rss ?? 0, heapUsed: heapUsed ?? 0, openFiles: openFiles ?? 0 };
}

/** @throws an assertion error when a process holds more than work of the same kind explains */
export function expectNoGrowth(before: Held, after: Held): void {
  const told = JSON.stringify({ before, after });
  expect(after.heapUsed, `heap: ${told}`).toBeLessThan(before.heapUsed * 1.2 + 8 * MIB);
  expect(after.rss, `resident memory: ${told}`).toBeLessThan(before.rss * 1.25 + 32 * MIB);
  // Connections that a rush opened are closed after a minute.
  expect(after.openFiles, `open files: ${told}`).toBeLessThanOrEqual(before.openFiles + POOL);
}

const MIB = 1024 * 1024;
/** Connections that a pool may have: 8, and one for each of four builds and four looks. */
const POOL = 16;
