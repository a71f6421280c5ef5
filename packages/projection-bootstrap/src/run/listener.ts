import type pg from "pg";
import { quoteIdentifier } from "../database/quote-identifier.ts";

/** Somebody who wants to be woken by a channel. */
export interface Ear {
  readonly channel: string;
  /** Called for each notification, and once when nobody listens any more. */
  readonly ring: () => void;
}

interface Session {
  readonly client: pg.PoolClient;
  /** What was asked for, by channel; many may want the same. */
  readonly channels: Map<string, Promise<unknown>>;
}

const listeners = new WeakMap<pg.Pool, Listener>();

/** The one connection of a pool that listens, for as long as anybody wants to hear: for all who follow and run. */
export class Listener {
  readonly #pool: pg.Pool;
  readonly #ears = new Set<Ear>();
  readonly #hearing = new Set<Ear>();
  #session: Promise<Session> | undefined;

  private constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  static of(pool: pg.Pool): Listener {
    const listener = listeners.get(pool) ?? new Listener(pool);
    listeners.set(pool, listener);
    return listener;
  }

  /** Whether notifications arrive. */
  hears(ear: Ear): boolean {
    return this.#hearing.has(ear);
  }

  /** @throws what the pool or the server says; then nobody listens */
  async open(ear: Ear): Promise<void> {
    this.#ears.add(ear);
    const opening = (this.#session ??= this.#begin());
    try {
      const { client, channels } = await opening;
      const listening =
        channels.get(ear.channel) ??
        client.query(`listen ${quoteIdentifier(ear.channel)}`).then(() => undefined);
      channels.set(ear.channel, listening);
      await listening;
    } catch (error) {
      this.#ears.delete(ear);
      this.#drop(opening);
      throw error;
    }
    // It may have been closed, or the connection lost, meanwhile.
    if (this.#session === opening && this.#ears.has(ear)) this.#hearing.add(ear);
  }

  close(ear: Ear): void {
    this.#ears.delete(ear);
    this.#hearing.delete(ear);
    if (this.#ears.size === 0 && this.#session !== undefined) this.#drop(this.#session);
  }

  #begin(): Promise<Session> {
    const session = this.#connect(() => this.#drop(session));
    return session;
  }

  async #connect(lost: () => void): Promise<Session> {
    const client = await this.#pool.connect();
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ channel }) => {
      for (const ear of this.#hearing) if (ear.channel === channel) ear.ring();
    });
    return { client, channels: new Map() };
  }

  /** The session goes with its subscriptions; the pool opens another one when it needs it. */
  #drop(session: Promise<Session>): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    const deaf = [...this.#hearing];
    this.#hearing.clear();
    session.then(
      ({ client }) => client.release(true),
      () => undefined,
    );
    for (const ear of deaf) ear.ring();
  }
}
