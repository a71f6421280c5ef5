import { setTimeout as delay } from "node:timers/promises";
import type { Settings } from "../boot/settings.ts";
import { catchUp, type CatchUpResult } from "./run-projections.ts";
import { Wake } from "./wake.ts";

export interface RunOptions {
  /** Ends the run; it returns once nothing is under way. */
  readonly signal: AbortSignal;
  /** Milliseconds between looks when no notification comes. @default 1000 */
  readonly pollMs?: number | undefined;
  readonly onRound?: ((result: CatchUpResult) => void) | undefined;
  /** Told about every failed round, after which the next one waits longer, and when listening fails, which nothing waits for. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Keeps stored rows in step with the log until the signal aborts. Any number of processes may run it. */
export async function runProjections(settings: Settings, options: RunOptions): Promise<void> {
  const { signal, pollMs = 1000, onRound, onError } = options;
  await using wake = new Wake(settings.pool, settings.log.channel, pollMs);
  let pause = 0;
  while (!signal.aborted) {
    try {
      await wake.attach(onError);
      const result = await catchUp(settings, { signal });
      pause = 0;
      onRound?.(result);
      await wake.next(signal);
    } catch (error) {
      if (signal.aborted) return;
      onError?.(error);
      pause = Math.min(Math.max(pause * 2, 50), 5000);
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}
