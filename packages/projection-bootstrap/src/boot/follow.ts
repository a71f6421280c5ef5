import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { z } from "zod";
import { checkOptions, optional } from "../check-options.ts";
import { inTransaction } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import { type Horizon, readPages } from "../log/event-log.ts";
import { comparePositions, formatPosition, type Position } from "../position.ts";
import { typesOf } from "../projection/fold.ts";
import { foreignCluster } from "../log/append.ts";
import { Wake } from "../run/wake.ts";
import { advanceMixed } from "./advance-mixed.ts";
import { emptyCount } from "./boot-report.ts";
import type { MemoryRows } from "./memory-rows.ts";
import type { LiveModel } from "./model.ts";
import type { Settings } from "./settings.ts";

export interface FollowOptions {
  /** Milliseconds between looks at the log when no notification comes. @default 1000 */
  readonly pollMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told about every failure, and once of each row or projection that no event can be applied to; following goes on, with growing pauses, until the signal aborts. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Told after each change of the model. */
  readonly onAdvance?: ((position: Position) => void) | undefined;
}

export interface FollowHealth {
  /** Whether the last look at the log worked, and every projection takes events. */
  readonly healthy: boolean;
  /** Events that could not be applied, the latest of each: to one row, or with no key to a whole projection. */
  readonly poisoned: readonly Poisoned[];
  readonly lastError: unknown;
  /** Whether notifications arrive; without them new events are found by polling. */
  readonly listening: boolean;
  readonly looks: number;
  /** Events read since following began. */
  readonly eventsRead: number;
}

/** A row that stays as it is from some event on; a projection that is not in the model any more has no key. */
interface Poisoned {
  readonly projection: string;
  readonly key: string | undefined;
  readonly reason: string;
}

/** Keeps a model in step with the log, until it is closed. */
export interface Following extends AsyncDisposable {
  /** Looks at the log now. */
  poll(): Promise<void>;
  /**
   * Resolves once the model holds the event at this position.
   *
   * @throws the signal's reason when it aborts first
   */
  whenApplied(position: Position, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  readonly health: FollowHealth;
  close(): Promise<void>;
}

interface Waiting {
  readonly position: Position;
  readonly resolve: () => void;
}

/**
 * Follows the log from where the model stands. Listening begins before the first look, and every look reads from
 * the model's own position, so nothing is lost between boot and follow and nothing comes twice.
 */
export class ModelFollower implements Following {
  readonly #settings: Settings;
  readonly #model: LiveModel;
  readonly #options: FollowOptions;
  readonly #stop = new AbortController();
  readonly #wake: Wake;
  readonly #waiting = new Set<Waiting>();
  readonly #read = emptyCount();
  readonly #loop: Promise<void>;
  #turn: Promise<void> = Promise.resolve();
  readonly #poisoned = new Map<string, Poisoned>();
  #looks = 0;
  #lastError: unknown;

  constructor(settings: Settings, booted: { model: LiveModel }, options: FollowOptions) {
    checkOptions(z.object({ pollMs: optional.milliseconds }), options);
    this.#settings = settings;
    this.#model = booted.model;
    this.#options = options;
    this.#wake = new Wake(settings.pool, settings.log.channel, options.pollMs ?? 1000);
    // Gone once this is closed: a signal that lives longer would keep the model.
    const { signal } = this.#stop;
    options.signal?.addEventListener("abort", () => void this.close(), { once: true, signal });
    if (options.signal?.aborted === true) this.#end();
    this.#loop = this.#run();
  }

  get health(): FollowHealth {
    const poisoned = [...this.#poisoned.values()];
    return {
      healthy: this.#lastError === undefined && poisoned.every(({ key }) => key !== undefined),
      poisoned,
      lastError: this.#lastError,
      listening: this.#wake.listening,
      looks: this.#looks,
      eventsRead: this.#read.rows,
    };
  }

  /** One look at a time, in the order that they were asked for, this follower's or another one's of the model. */
  poll(): Promise<void> {
    const look = this.#model.inTurn(() => this.#look());
    this.#turn = look.catch(() => undefined);
    return look;
  }

  async whenApplied(
    position: Position,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    if (this.#model.includes(position)) return;
    if (this.#stop.signal.aborted) {
      throw new ProjectionError(
        "NOT_FOLLOWING",
        `nothing brings the model to ${formatPosition(position)} any more`,
        {
          hint: "call follow() and wait before it is closed",
        },
      );
    }
    const done = resolvers();
    const waiting: Waiting = { position, resolve: done.resolve };
    const abort = (): void => done.reject(signal?.reason);
    const stop = (): void => done.reject(this.#stop.signal.reason);
    this.#waiting.add(waiting);
    signal?.addEventListener("abort", abort, { once: true });
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    this.#wake.now();
    try {
      await done.promise;
    } finally {
      this.#waiting.delete(waiting);
      signal?.removeEventListener("abort", abort);
      this.#stop.signal.removeEventListener("abort", stop);
    }
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    const hint = "call follow() again";
    this.#stop.abort(new ProjectionError("NOT_FOLLOWING", "following was closed", { hint }));
  }

  async close(): Promise<void> {
    this.#end();
    await this.#loop;
    await this.#turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let pause = 0;
    await using wake = this.#wake;
    while (!signal.aborted) {
      try {
        await wake.attach(this.#options.onError);
        await this.poll();
        this.#lastError = undefined;
        pause = 0;
        await wake.next(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#lastError = error;
        this.#options.onError?.(error);
        pause = Math.min(Math.max(pause * 2, 50), 5000);
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #look(): Promise<void> {
    const { pool, log } = this.#settings;
    const before = this.#model.position;
    const settled = await log.settle(pool, this.#stop.signal);
    await inTransaction(
      pool,
      async (client) => {
        const horizon = await log.horizon(client, settled);
        if (horizon.foreign !== undefined) throw foreignCluster(horizon.foreign);
        if (comparePositions(horizon.head, before) < 0) throw wentBack(horizon, before);
        if (this.#model.snapshot === undefined) await this.#advance(client, horizon.fence);
        else await this.#advanceMixed(client, horizon);
      },
      "snapshot",
    );
    this.#looks++;
    for (const waiting of this.#waiting) if (this.#model.includes(waiting.position)) waiting.resolve();
    if (comparePositions(this.#model.position, before) > 0) this.#options.onAdvance?.(this.#model.position);
  }

  /** What an event cannot be applied to goes on being served or leaves the model: somebody has to hear of it. */
  #tellPoisoned(loaded: readonly MemoryRows[]): void {
    for (const { projection, aside, fault } of loaded) {
      const { name } = projection;
      for (const [key, reason] of aside) this.#tell({ projection: name, key, reason });
      if (fault !== undefined)
        this.#tell({ projection: name, key: undefined, reason: (fault as Error).message });
    }
  }

  #tell(poisoned: Poisoned): void {
    const place = JSON.stringify([poisoned.projection, poisoned.key]);
    if (this.#poisoned.has(place)) return;
    this.#poisoned.set(place, poisoned);
    const hint = "correct the projector, or add an upcaster, and boot again";
    this.#options.onError?.(new ProjectionError("POISON_EVENT", poisoned.reason, { hint }));
  }

  /** Each page is applied in one go, and moves all projections to its end. */
  async #advance(client: pg.ClientBase, fence: Position): Promise<void> {
    const { log, page } = this.#settings;
    const { loaded, position: after } = this.#model;
    if (comparePositions(after, fence) >= 0) return;
    const range = { after, upTo: fence, types: typesOf(loaded.map(({ projection }) => projection)) };
    const limits = { limitRows: page.rows, limitBytes: page.bytes };
    for await (const { events, last } of readPages(
      log,
      client,
      { ...range, ...limits },
      { count: this.#read },
    )) {
      for (const rows of loaded) rows.advance(events, "aside");
      this.#model.position = last ? fence : (events.at(-1)?.position ?? this.#model.position);
      this.#tellPoisoned(loaded);
    }
  }

  async #advanceMixed(client: pg.ClientBase, horizon: Horizon): Promise<void> {
    const { log, page } = this.#settings;
    const { loaded } = this.#model;
    const types = typesOf(loaded.map(({ projection }) => projection));
    const limits = { limitRows: page.rows, limitBytes: page.bytes };
    await advanceMixed(this.#model, horizon, (range) =>
      readPages(log, client, { ...range, types, ...limits }, { count: this.#read }),
    );
    this.#tellPoisoned(loaded);
  }
}

function wentBack({ head }: Horizon, before: Position): ProjectionError {
  return new ProjectionError(
    "POSITION_MISSED",
    `the log ends at ${formatPosition(head)} now, before the model's ${formatPosition(before)}`,
    { hint: "the database was replaced by an older one: boot again" },
  );
}

function resolvers(): { promise: Promise<void>; resolve: () => void; reject: (reason: unknown) => void } {
  let resolve: () => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<void>((onDone, onFailed) => {
    resolve = onDone;
    reject = onFailed;
  });
  return { promise, resolve, reject };
}
