import { performance } from "node:perf_hooks";
import type { Phase } from "../progress.ts";

/** How long one phase took. */
export interface Timing {
  readonly phase: Phase;
  readonly ms: number;
}

/** Times the phases of one run. */
export class Stopwatch {
  readonly timings: Timing[] = [];
  readonly #started = performance.now();

  async time<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.timings.push({ phase, ms: Math.round(performance.now() - started) });
    }
  }

  get totalMs(): number {
    return Math.round(performance.now() - this.#started);
  }
}
