import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds between two looks. */
const INTERVAL_MS = 20;

export interface UntilOptions {
  /** What is waited for, in words: said when it does not come. */
  readonly what: string;
  readonly timeoutMs?: number;
  /** Said as well: how things stood at the end. */
  readonly details?: () => unknown;
}

/** Waits until a condition holds. @throws Error saying what did not come */
export async function until(
  condition: () => Promise<boolean> | boolean,
  { what, timeoutMs = 60_000, details }: UntilOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      const stood = details === undefined ? "" : `: ${JSON.stringify(await details(), undefined, 1)}`;
      throw new Error(`Waited ${timeoutMs} ms for ${what}${stood}`);
    }
    await delay(INTERVAL_MS);
  }
}
