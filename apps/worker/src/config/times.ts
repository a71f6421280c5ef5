import { z } from "zod";

/** 24.8 days, the longest that a timer of Node waits: a longer one is over at once. */
const MOST_WAITED_MS = 2 ** 31 - 1;

/** Three thousand years: further back than that, Postgres has no date. */
const MOST_KEPT_MS = 1e14;

/** A time that is waited for, in whole milliseconds. */
export function waitMs(least: number): z.ZodInt {
  return between(least, MOST_WAITED_MS);
}

/** How long ago something has to be until it is removed, in whole milliseconds. */
export function ageMs(least: number): z.ZodInt {
  return between(least, MOST_KEPT_MS);
}

function between(least: number, most: number): z.ZodInt {
  return z
    .int("expected whole milliseconds")
    .min(least, `expected at least ${least}`)
    .max(most, `expected at most ${most}`);
}
