const FIRST_MS = 1_000;
const LONGEST_MS = 10 * 60_000;

/**
 * Milliseconds to wait before attempt number `attempt + 1`: doubling from one second to ten minutes, of which a
 * random half is taken ("equal jitter"), so that builds that failed together do not come back together.
 *
 * @param random a number in [0, 1)
 */
export function retryDelayMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full / 2 + (full / 2) * random);
}
