/**
 * Milliseconds before the next try after `failures` failed ones: from half a second, doubling, to half a minute, by
 * "full jitter" with a floor of half, so that many workers do not come back at once.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param random a number in [0, 1)
 */
export function backoffMs(failures: number, random: number = Math.random()): number {
  const most = Math.min(30_000, 500 * 2 ** Math.min(Math.max(failures - 1, 0), 10));
  return Math.round(most * (0.5 + random / 2));
}
