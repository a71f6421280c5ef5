import { z } from "zod";
import { ProjectionError } from "./errors.ts";

/** A timer that is set for longer ends at once. https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const longestTimer = 2 ** 31 - 1;

/** Numbers that options take; each may be left out. */
export const optional = {
  /** How many of something there are, at least one. */
  count: z.int().min(1).optional(),
  countOrNone: z.int().min(0).optional(),
  milliseconds: z.int().min(1).max(longestTimer).optional(),
  millisecondsOrNone: z.int().min(0).max(longestTimer).optional(),
  rate: z.number().positive().optional(),
} as const;

/** @throws {ProjectionError} `OPTION_INVALID`, which names every option that cannot work */
export function checkOptions(schema: z.ZodType, given: unknown): void {
  const { error } = schema.safeParse(given);
  if (error === undefined) return;
  const wrong = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new ProjectionError("OPTION_INVALID", wrong.join("; "), {
    hint: "pass a number within these bounds, or leave the option out",
  });
}
