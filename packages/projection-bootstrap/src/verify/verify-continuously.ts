import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Settings } from "../boot/settings.ts";
import { checkOptions, optional } from "../check-options.ts";
import { ProjectionError } from "../errors.ts";
import { type Verification, verifyNumbers, verifyProjection } from "./verify-projection.ts";

export interface ContinuousOptions {
  /** Ends it; it returns once nothing is under way. */
  readonly signal: AbortSignal;
  /** @default every projection */
  readonly names?: readonly string[] | undefined;
  /** The part of the keys that one look holds in memory. After 1 / share looks every key was seen. @default 0.1 */
  readonly share?: number | undefined;
  /** Events to read in a second, at most. @default 10000 */
  readonly eventsPerSecond?: number | undefined;
  /** Milliseconds from the start of one look to that of the next, at least. @default 60000 */
  readonly everyMs?: number | undefined;
  /** Told about every look, whether or not it found a difference. */
  readonly onVerified?: ((verification: Verification) => void) | undefined;
  /** Told about every look that could not be taken; the others go on. */
  readonly onError?: ((error: unknown, projection: string) => void) | undefined;
}

/**
 * Verifies part after part, one projection after the other, until the signal aborts. It starts at a random part, so
 * that processes that often start anew still see every key, and several share the work by chance.
 *
 * @throws {ProjectionError} `PROJECTION_UNKNOWN`, `OPTION_INVALID`
 */
export async function verifyContinuously(settings: Settings, options: ContinuousOptions): Promise<void> {
  checkOptions(z.object({ ...verifyNumbers, everyMs: optional.millisecondsOrNone }), options);
  const { signal, names, share = 0.1, everyMs = 60_000, onVerified, onError } = options;
  const projections = settings.projections.filter(({ name }) => names?.includes(name) ?? true);
  if (projections.length === 0) {
    throw new ProjectionError("OPTION_INVALID", "there is no projection to verify", {
      hint: "name one in createBootstrap({ projections })",
    });
  }
  const look = { share, eventsPerSecond: options.eventsPerSecond ?? 10_000, signal };
  const start = randomInt(Math.max(1, Math.round(1 / share)));
  for (let round = start; !signal.aborted; round++) {
    for (const projection of projections) {
      if (signal.aborted) return;
      const began = performance.now();
      try {
        onVerified?.(await verifyProjection(projection, settings, { ...look, round }));
      } catch (error) {
        if (signal.aborted) return;
        onError?.(error, projection.name);
      }
      const rest = everyMs - (performance.now() - began);
      if (rest > 0) await delay(rest, undefined, { signal }).catch(() => undefined);
    }
  }
}
