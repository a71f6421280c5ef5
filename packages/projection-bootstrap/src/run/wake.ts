import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { type Ear, Listener } from "./listener.ts";

/** Milliseconds between attempts to listen: the first pause after a failure, and the longest. */
const retryMs = { first: 50, longest: 30_000 };

/**
 * Says when to look at the log: after a notification, or when the pause is over. Notifications only make it sooner;
 * a listener that died without a word costs a pause and nothing else.
 */
export class Wake implements AsyncDisposable {
  readonly #listener: Listener;
  readonly #ear: Ear | undefined;
  readonly #pauseMs: number;
  #ring: (() => void) | undefined;
  #rung = false;
  #retry = { pauseMs: 0, at: 0 };

  constructor(pool: pg.Pool, channel: string | undefined, pauseMs: number) {
    this.#listener = Listener.of(pool);
    this.#ear = channel === undefined ? undefined : { channel, ring: () => this.now() };
    this.#pauseMs = pauseMs;
  }

  get listening(): boolean {
    return this.#ear !== undefined && this.#listener.hears(this.#ear);
  }

  /**
   * Begins to listen, if that is not so already. A standby or a pooler may never allow it, and polling does without:
   * so a failure is told to `onError` and tried again after a growing pause.
   */
  async attach(onError: ((error: unknown) => void) | undefined): Promise<void> {
    if (this.#ear === undefined || this.listening || performance.now() < this.#retry.at) return;
    try {
      await this.#listener.open(this.#ear);
      this.#retry = { pauseMs: 0, at: 0 };
    } catch (error) {
      const pauseMs = Math.min(Math.max(this.#retry.pauseMs * 2, retryMs.first), retryMs.longest);
      this.#retry = { pauseMs, at: performance.now() + pauseMs };
      onError?.(error);
    }
  }

  /** Ends the present pause, or the next one. */
  now(): void {
    this.#rung = true;
    this.#ring?.();
  }

  /** Resolves when it is time to look. */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const pause = new AbortController();
      const end = (): void => pause.abort();
      this.#ring = end;
      signal.addEventListener("abort", end, { once: true });
      await delay(this.#pauseMs, undefined, { signal: pause.signal }).catch(() => undefined);
      signal.removeEventListener("abort", end);
      this.#ring = undefined;
    }
    this.#rung = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ear !== undefined) this.#listener.close(this.#ear);
    await Promise.resolve();
  }
}
