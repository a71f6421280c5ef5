import type pg from "pg";
import { FoldedRows } from "../boot/refold.ts";
import type { ProjectionError } from "../errors.ts";
import { type EventLog, type RawEvent, type ReadCount, readPages } from "../log/event-log.ts";
import { requireWhole } from "../log/require-whole.ts";
import { beginning, comparePositions, laterPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type Step, wantedTypes } from "../projection/fold.ts";
import { encodeRow } from "../projection/row-codec.ts";
import { type ParkedEvent, waitsIn } from "../store/parked.ts";

export interface RefoldKeys {
  readonly log: EventLog;
  readonly projection: Projection;
  /** Rows that are wanted, with all of their events. */
  readonly keys: ReadonlySet<string>;
  /** The first event that is set aside of each key: of others it is left out with all later ones, of these it is tried again. */
  readonly parked: readonly ParkedEvent[];
  readonly limitRows: number;
  readonly limitBytes: number;
  readonly count: ReadCount;
  readonly signal: AbortSignal | undefined;
}

/** Called after each page. */
export type OnPage = () => Promise<void> | void;

export interface Refolded {
  /** Undefined for a row that is gone. */
  readonly state: unknown;
  /** Of its last event. */
  readonly position: Position;
}

export interface RefoldedKeys {
  /** By key; a key that never had an event is not there. */
  readonly rows: ReadonlyMap<string, Refolded>;
  /** Why a key cannot be folded. */
  readonly failed: ReadonlyMap<string, string>;
}

/**
 * Folds rows again from the log's beginning, all in one pass, step by step. A key that fails stays set aside as it is,
 * and so do rows that look at it from there on: they are what they were for others as well. Where rows look at others, a
 * failure therefore takes another pass without it.
 *
 * @throws {ProjectionError} `POSITION_MISSED` when the log was cut, `POISON_EVENT` when an event's key cannot be told
 */
export class KeyFold {
  readonly #options: RefoldKeys;
  readonly #failed = new Map<string, string>();
  #pass: Pass;
  #at = beginning;

  private constructor(options: RefoldKeys) {
    this.#options = options;
    this.#pass = new Pass(options);
  }

  static async begin(client: pg.ClientBase, options: RefoldKeys): Promise<KeyFold> {
    await requireWhole(client, options.log);
    return new KeyFold(options);
  }

  /** Goes on up to a position, inclusive, before which nothing can appear any more. */
  async advance(client: pg.ClientBase, upTo: Position, onPage?: OnPage): Promise<void> {
    do {
      await this.#pass.run(client, { after: this.#at, upTo, onPage });
      this.#at = laterPosition(this.#at, upTo);
    } while (this.#beginAgain());
  }

  /** Does so for the last time, and looks whether the rows can be stored; what was folded is good for no more than this. */
  async finish(client: pg.ClientBase, upTo: Position, onPage?: OnPage): Promise<RefoldedKeys> {
    do {
      await this.advance(client, upTo, onPage);
      this.#pass.check();
    } while (this.#beginAgain());
    return { rows: this.#pass.rows(), failed: new Map([...this.#failed, ...this.#pass.failed]) };
  }

  #beginAgain(): boolean {
    const { projection, keys } = this.#options;
    if (this.#pass.failed.size === 0 || projection.definition.reads === undefined) return false;
    for (const [key, reason] of this.#pass.failed) this.#failed.set(key, reason);
    const left = [...keys].filter((key) => !this.#failed.has(key));
    this.#pass = new Pass({ ...this.#options, keys: new Set(left) });
    this.#at = beginning;
    return true;
  }
}

interface PassRange {
  /** Exclusive. */
  readonly after: Position;
  /** Inclusive. */
  readonly upTo: Position;
  readonly onPage: OnPage | undefined;
}

class Pass {
  readonly failed = new Map<string, string>();
  readonly #options: RefoldKeys;
  readonly #states = new FoldedRows();
  readonly #last = new Map<string, Position>();
  readonly #waits: (key: string, position: Position) => boolean;
  /** Keys of which an event was left out. */
  readonly #aside = new Set<string>();

  constructor(options: RefoldKeys) {
    this.#options = options;
    this.#waits = waitsIn(options.parked.filter(({ key }) => !options.keys.has(key)));
  }

  async run(client: pg.ClientBase, { after, upTo, onPage }: PassRange): Promise<void> {
    const { log, projection, keys, limitRows, limitBytes, count, signal } = this.#options;
    if (keys.size === 0 || comparePositions(after, upTo) >= 0) return;
    const range = { after, upTo, types: wantedTypes(projection), limitRows, limitBytes };
    for await (const { events } of readPages(log, client, range, { count, signal })) {
      for (const event of events) this.#take(event);
      await onPage?.();
    }
  }

  #take(event: RawEvent): void {
    const { projection, keys } = this.#options;
    const alone = projection.definition.reads === undefined;
    const step = planStep(projection, event);
    for (const key of step?.keys ?? []) {
      if (step !== undefined && (!alone || keys.has(key))) this.#apply(step, key);
    }
  }

  #apply(step: Step, key: string): void {
    const { projection, keys } = this.#options;
    const { position } = step.event;
    if (this.#waits(key, position)) this.#aside.add(key);
    if (this.#aside.has(key) || this.failed.has(key)) return;
    const waits = step.reads.find((read) => this.#aside.has(read) || this.failed.has(read));
    try {
      if (waits !== undefined)
        throw new Error(`it depends on row ${JSON.stringify(waits)}, which is set aside`);
      applyStep(projection, step, key, this.#states);
      if (keys.has(key)) this.#last.set(key, position);
    } catch (error) {
      if (keys.has(key)) this.failed.set(key, (error as ProjectionError).message);
      else this.#aside.add(key);
    }
  }

  /** One row that cannot be stored must not keep the others from it. */
  check(): void {
    for (const key of this.#last.keys()) {
      const state = this.#states.get(key);
      if (state === undefined || this.failed.has(key)) continue;
      try {
        encodeRow(this.#options.projection, key, state);
      } catch (error) {
        this.failed.set(key, (error as ProjectionError).message);
      }
    }
  }

  rows(): Map<string, Refolded> {
    const found = [...this.#last].filter(([key]) => !this.failed.has(key));
    return new Map(found.map(([key, position]) => [key, { state: this.#states.get(key), position }]));
  }
}
