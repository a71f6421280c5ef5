import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { quoteIdentifier } from "../database/quote-identifier.ts";

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

  constructor(pool: pg.Pool, channel: string | undefined, pauseMs: number) {
    this.#pool = pool;
    this.#channel = channel;
    this.#pauseMs = pauseMs;
  }

  get listening(): boolean {
    return this.#client !== undefined;
  }

  /** Begins to listen, if that is not so already. */
  async attach(): Promise<void> {
    if (this.#client !== undefined || this.#channel === undefined) return;
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
      await client.query(`listen ${quoteIdentifier(this.#channel)}`);
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
