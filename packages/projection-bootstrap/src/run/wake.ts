import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { quoteIdentifier } from "../database/quote-identifier.ts";

/** Milliseconds between attempts to listen: the first pause after a failure, and the longest. */
const retryMs = { first: 50, longest: 30_000 };

/**
 * Says when to look at the log: after a notification, or when the pause is over. Notifications only make it sooner;
 * a listener that died without a word costs a pause and nothing else.
 */
export class Wake implements AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #channel: string | undefined;
  readonly #pauseMs: number;
  #client: pg.PoolClient | undefined;
  #ring: (() => void) | undefined;
  #rung = false;
  #retry = { pauseMs: 0, at: 0 };

  constructor(pool: pg.Pool, channel: string | undefined, pauseMs: number) {
    this.#pool = pool;
    this.#channel = channel;
    this.#pauseMs = pauseMs;
  }

  get listening(): boolean {
    return this.#client !== undefined;
  }

  /**
   * Begins to listen, if that is not so already. A standby or a pooler may never allow it, and polling does without:
   * so a failure is told to `onError` and tried again after a growing pause.
   */
  async attach(onError: ((error: unknown) => void) | undefined): Promise<void> {
    if (this.#client !== undefined || this.#channel === undefined) return;
    if (performance.now() < this.#retry.at) return;
    try {
      await this.#listen(this.#channel);
      this.#retry = { pauseMs: 0, at: 0 };
    } catch (error) {
      const pauseMs = Math.min(Math.max(this.#retry.pauseMs * 2, retryMs.first), retryMs.longest);
      this.#retry = { pauseMs, at: performance.now() + pauseMs };
      onError?.(error);
    }
  }

  async #listen(channel: string): Promise<void> {
    const client = await this.#pool.connect();
    const lost = (): void => {
      if (this.#client !== client) return;
      this.#client = undefined;
      client.release(true);
      this.now();
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", () => this.now());
    try {
      await client.query(`listen ${quoteIdentifier(channel)}`);
    } catch (error) {
      client.release(true);
      throw error;
    }
    this.#client = client;
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
    const client = this.#client;
    this.#client = undefined;
    // The session goes with its subscriptions; the pool opens another one when it needs it.
    client?.release(true);
    await Promise.resolve();
  }
}
