import type { ProjectionError } from "../errors.ts";
import type { RawEvent } from "../log/event-log.ts";
import { comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type RowStore, type Step } from "../projection/fold.ts";
import { encodeRow } from "../projection/row-codec.ts";

const gone = Symbol("gone");

/** Rows in memory, and what was folded into them; or only what was, on top of a layer that stays as it is. */
export class RowLayer implements RowStore {
  readonly #projection: Projection;
  #under: RowLayer | undefined;
  readonly #rows: Map<string, unknown>;
  readonly #changed = new Set<string>();
  /** On top of another layer: the last event that changed or looked at each row. */
  readonly #seen = new Map<string, Position>();
  /** Keys that an event could not be applied to, with the reason; their rows stay as they are. */
  readonly aside = new Map<string, string>();
  /** Why no further event can be applied, where that is not the matter of one key. */
  fault: unknown;
  /** Whether an event came after one that follows it had met the same row; from it on nothing was folded. */
  late = false;

  constructor(projection: Projection, under: RowLayer | undefined, rows = new Map<string, unknown>()) {
    this.#projection = projection;
    this.#under = under;
    this.#rows = rows;
  }

  get(key: string): unknown {
    if (this.#rows.size > 0) {
      const state = this.#rows.get(key);
      if (state !== undefined) return state === gone ? undefined : state;
    }
    return this.#under?.get(key);
  }

  set(key: string, state: unknown): void {
    this.#changed.add(key);
    this.#rows.set(key, state);
  }

  delete(key: string): void {
    this.#changed.delete(key);
    if (this.#under === undefined) this.#rows.delete(key);
    else this.#rows.set(key, gone);
  }

  get size(): number {
    if (this.#under === undefined) return this.#rows.size;
    let { size } = this.#under;
    for (const [key, state] of this.#rows)
      size += Number(state !== gone) - Number(this.#under.get(key) !== undefined);
    return size;
  }

  *entries(): IterableIterator<[string, unknown]> {
    for (const [key, state] of this.#under?.entries() ?? []) if (!this.#rows.has(key)) yield [key, state];
    for (const [key, state] of this.#rows) if (state !== gone) yield [key, state];
  }

  /** @returns how many of the events meant something to the projection */
  fold(events: Iterable<RawEvent>, policy: "strict" | "aside"): number {
    if (this.late || this.#isFaulty()) return 0;
    try {
      return this.#foldAll(events, policy);
    } catch (error) {
      // Whoever goes on with the other projections must not apply these events to this one again.
      this.fault = error;
      if (policy === "strict") throw error;
      return 0;
    }
  }

  #foldAll(events: Iterable<RawEvent>, policy: "strict" | "aside"): number {
    let applied = 0;
    for (const event of events) {
      const step = planStep(this.#projection, event);
      if (step === undefined) continue;
      if (this.#under !== undefined && !this.#meet(step)) return applied;
      applied++;
      for (const key of step.keys) this.#apply(step, key, policy);
    }
    this.#check();
    return applied;
  }

  #apply(step: Step, key: string, policy: "strict" | "aside"): void {
    if (this.#isAside(key)) return;
    const waits = step.reads.find((read) => this.#isAside(read));
    try {
      if (waits === undefined) applyStep(this.#projection, step, key, this);
      else this.aside.set(key, `it depends on row ${JSON.stringify(waits)}, which is set aside`);
    } catch (error) {
      if (policy === "strict") throw error;
      this.aside.set(key, (error as ProjectionError).message);
    }
  }

  /** Whether the step's rows hold nothing of later events, so that it can be applied to them as they are. */
  #meet({ keys, reads, event: { position } }: Step): boolean {
    const met = [...keys, ...reads];
    for (const key of met) {
      const seen = this.#seenAt(key);
      if (seen !== undefined && comparePositions(seen, position) > 0) this.late = true;
    }
    if (!this.late) for (const key of met) this.#seen.set(key, position);
    return !this.late;
  }

  #seenAt(key: string): Position | undefined {
    const seen = this.#seen.get(key);
    return seen === undefined && this.#under !== undefined ? this.#under.#seenAt(key) : seen;
  }

  #isAside(key: string): boolean {
    return this.aside.has(key) || (this.#under !== undefined && this.#under.#isAside(key));
  }

  #isFaulty(): boolean {
    return this.fault !== undefined || (this.#under !== undefined && this.#under.#isFaulty());
  }

  /** A row that would come back from the database as another one must not be served either. */
  #check(): void {
    for (const key of this.#changed) {
      const state = this.get(key);
      if (state !== undefined) encodeRow(this.#projection, key, state);
    }
    this.#changed.clear();
  }

  /** Makes what was folded here part of the layer below. */
  pour(): void {
    const under = this.#under;
    if (under === undefined) return;
    for (const [key, state] of this.#rows) {
      if (state !== gone) under.#rows.set(key, state);
      else under.delete(key);
    }
    for (const [key, reason] of this.aside) under.aside.set(key, reason);
    if (under.#under !== undefined) for (const [key, position] of this.#seen) under.#seen.set(key, position);
    under.fault ??= this.fault;
  }

  /** Lets go of rows that no event beyond a position met: the layer below holds the same. */
  forget(upTo: Position): void {
    for (const [key, position] of this.#seen) {
      if (comparePositions(position, upTo) > 0) continue;
      this.#seen.delete(key);
      this.#rows.delete(key);
      this.aside.delete(key);
    }
  }

  /** Lies on another layer from now on, which holds all that the former one did. */
  lieOn(under: RowLayer): void {
    this.#under = under;
  }
}
