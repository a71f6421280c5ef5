/** Enough for a tool that does not heed SIGTERM to be killed, and for what it wrote to be removed. */
const defaultGraceMs = 8_000;

/**
 * Waits for `work`, which after an abort has a while to clean up. What has not ended by then, for example on a
 * file system that does not answer, is left to itself, and the signal's reason is thrown.
 */
export async function settleAfterAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  graceMs = defaultGraceMs,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let begin: (() => void) | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    begin = () => {
      timer = setTimeout(() => reject(signal.reason as Error), graceMs);
    };
    if (signal.aborted) begin();
    else signal.addEventListener("abort", begin, { once: true });
  });
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    clearTimeout(timer);
    if (begin) signal.removeEventListener("abort", begin);
  }
}
