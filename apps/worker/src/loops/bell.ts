/** Lets loops sleep until somebody has work for them. Ringing is cheap; any number of loops may wait. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring or when the signal aborts; never rejects. */
  next(signal: AbortSignal): Promise<void>;
}

/**
 * How long a ring echoes, in milliseconds: who looked just before it and comes to wait just after it would sleep
 * through it, so it is woken once more when the echo ends.
 */
const ECHO_MS = 50;

export function createBell(): Bell {
  const waiting = new Set<() => void>();
  let rungAt = -Infinity;
  return {
    ring: () => {
      rungAt = performance.now();
      for (const wake of waiting) wake();
    },
    next: async (signal) => {
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const left = rungAt + ECHO_MS - performance.now();
        // Timers are up to a millisecond early: the echo itself must not be heard twice.
        const echo = left > 1 ? setTimeout(wake, left) : undefined;
        function wake(): void {
          clearTimeout(echo);
          waiting.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        }
        waiting.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    },
  };
}
