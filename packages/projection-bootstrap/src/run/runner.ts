import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Settings } from "../boot/settings.ts";
import { checkOptions, optional } from "../check-options.ts";
import { catchUp, type CatchUpResult } from "./run-projections.ts";
import { Wake } from "./wake.ts";

export interface RunOptions {
  /** Ends the run; it returns once nothing is under way. */
  readonly signal: AbortSignal;
  /** Milliseconds between looks when no notification comes. @default 1000 */
  readonly pollMs?: number | undefined;
  readonly onRound?: ((result: CatchUpResult) => void) | undefined;
  /**
   * Told about every failed round, after which the next one waits longer; about failures to listen, which nothing waits
   * for; and once for each reason that stops a projection while the others go on.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Keeps stored rows in step with the log until the signal aborts. Any number of processes may run it.
 *
 * @throws {ProjectionError} `OPTION_INVALID`
 */
export async function runProjections(settings: Settings, options: RunOptions): Promise<void> {
  checkOptions(z.object({ pollMs: optional.milliseconds }), options);
  const { signal, pollMs = 1000, onRound, onError } = options;
  await using wake = new Wake(settings.pool, settings.log.channel, pollMs);
  const told = new Map<string, string>();
  let pause = 0;
  while (!signal.aborted) {
    try {
      await wake.attach(onError);
      const result = await catchUp(settings, { signal });
      pause = 0;
      onRound?.(result);
      tellStopped(result, told, onError);
      await wake.next(signal);
    } catch (error) {
      if (signal.aborted) return;
      onError?.(error);
      pause = Math.min(Math.max(pause * 2, 50), 5000);
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A projection that stays stopped for the same reason is told once, not with every round. */
function tellStopped(
  { projections }: CatchUpResult,
  told: Map<string, string>,
  onError: RunOptions["onError"],
): void {
  for (const { projection, outcome, error } of projections) {
    const reason = outcome === "stopped" ? messageOf(error) : undefined;
    if (reason === told.get(projection)) continue;
    if (reason === undefined) {
      told.delete(projection);
    } else {
      told.set(projection, reason);
      onError?.(error);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
