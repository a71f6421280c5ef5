/** Probes and scrapes wait this long at most, in milliseconds; a network that was cut says nothing for minutes. */
const ANSWER_MS = 2_000;

/**
 * A query that many may ask for: one at a time is under way, and whoever asks meanwhile shares it.
 *
 * @param ask never rejects
 * @returns asks; undefined when there is no answer in time, and then the query goes on
 */
export function shareQuery<T>(ask: () => Promise<T>): () => Promise<T | undefined> {
  let asked: Promise<T> | undefined;
  return async () => {
    asked ??= ask().finally(() => (asked = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ANSWER_MS);
    });
    const answer = await Promise.race([asked, late]);
    clearTimeout(timer);
    return answer;
  };
}
