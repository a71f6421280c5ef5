export interface PollFacts {
  /** Milliseconds since a ref of the repository last changed; undefined when none ever did. */
  readonly idleMs: number | undefined;
  /** Observations that failed since the last good one. */
  readonly failures: number;
  /** A time the remote asked us to wait for, in milliseconds from now. */
  readonly retryAfterMs?: number | undefined;
}

export interface PollBounds {
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
}

/** First wait after a failed observation, in milliseconds; doubled by each further one. */
const FIRST_RETRY_MS = 2_000;

/**
 * Milliseconds until a repository should be observed again without a hint. Half of the time since the last change
 * (Sourcegraph's rule: a repository quiet for an hour is seldom about to change in the next minute), within the
 * bounds; a failing remote is asked at doubling intervals. `pollMaxMs` is never exceeded, for it is the promise on
 * staleness, except when the remote itself names a later time.
 *
 * @param random a number in [0, 1): up to a tenth is taken off, so that repositories do not poll in step.
 */
export function nextPollMs(facts: PollFacts, bounds: PollBounds, random: number): number {
  const { pollMinMs, pollMaxMs } = bounds;
  const calm = facts.idleMs === undefined ? pollMinMs : facts.idleMs / 2;
  const wanted =
    facts.failures > 0 ? FIRST_RETRY_MS * 2 ** Math.min(facts.failures - 1, 20) : Math.max(pollMinMs, calm);
  const jittered = Math.min(wanted, pollMaxMs) * (1 - random / 10);
  return Math.round(Math.max(jittered, facts.retryAfterMs ?? 0));
}
