import type { Log } from "../log.ts";
import { WorkerError } from "../worker-error.ts";

/** What has to end before the process may: each by a name that people understand. */
export interface Drain {
  /** Counts among what is left until the work has settled. */
  during<T>(name: string, work: Promise<T>): Promise<T>;
  /**
   * Waits for the work.
   *
   * @throws WorkerError `DRAIN_EXCEEDED` saying what was left, when it had to end and did not in time
   */
  within(work: Promise<void>, limits: DrainLimits): Promise<void>;
}

export interface DrainLimits {
  /** Aborts when the work is asked to end. */
  readonly from: AbortSignal;
  /** How long it may take from then on. */
  readonly drainMs: number;
  /** Aborts when nobody wants to wait any longer. */
  readonly hurry: AbortSignal;
  /** What else is left, at the moment. */
  readonly details: () => string[];
}

export function createDrain(log: Log): Drain {
  const left = new Set<string>();
  return {
    during: async (name, work) => {
      left.add(name);
      return await work.finally(() => left.delete(name));
    },
    within: async (work, { from, drainMs, hurry, details }) => {
      let timer: NodeJS.Timeout | undefined;
      const cut = new Promise<never>((_, reject) => {
        const end = (why: string): void => {
          const names = [...left, ...details()];
          log.error("worker.cut-short", { why, left: names });
          reject(exceeded(why, names));
        };
        const begin = (): void => void (timer = setTimeout(end, drainMs, "the time to end was over"));
        from.addEventListener("abort", begin, { once: true });
        hurry.addEventListener("abort", () => end("a second signal came"), { once: true });
      });
      await Promise.race([work, cut]).finally(() => clearTimeout(timer));
    },
  };
}

function exceeded(why: string, left: readonly string[]): WorkerError {
  const shown = left.length > 10 ? [...left.slice(0, 10), `${left.length - 10} more`] : left;
  return new WorkerError("DRAIN_EXCEEDED", `Cut short, for ${why}. Left: ${shown.join(", ")}.`, {
    hint: "Nothing is lost: leases run out by themselves. If it happens often, raise drainMs.",
  });
}
