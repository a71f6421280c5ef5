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
  let echo: NodeJS.Timeout | undefined;

  const wakeAll = (): void => {
    for (const wake of waiting) wake();
  };
  const echoAfter = (ms: number): void => {
    clearTimeout(echo);
    echo = setTimeout(() => {
      // A timer is early by as long as the event loop was held up before it was set.
      const left = rungAt + ECHO_MS - performance.now();
      if (left > 0) echoAfter(left);
      else wakeAll();
    }, ms);
  };

  return {
    ring: () => {
      rungAt = performance.now();
      wakeAll();
      echoAfter(ECHO_MS);
    },
    next: async (signal) => {
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        function wake(): void {
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
