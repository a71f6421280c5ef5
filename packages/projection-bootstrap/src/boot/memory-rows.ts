import type { ProjectionError } from "../errors.ts";
import type { RawEvent } from "../log/event-log.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type RowStore } from "../projection/fold.ts";
import { encodeRow } from "../projection/row-codec.ts";

const gone = Symbol("gone");

/**
 * A projection's rows in memory. `base` holds the rows at the model's position; `over` the rows that events beyond
 * it changed, which is thrown away and folded again when more of them become visible.
 */
export class MemoryRows implements RowStore {
  readonly projection: Projection;
  readonly #base: Map<string, unknown>;
  readonly #over = new Map<string, unknown>();
  readonly #touched = new Set<string>();
  /** Keys that an event could not be applied to, with the reason; their rows stay as they are. */
  readonly aside = new Map<string, string>();
  readonly #shownAside = new Map<string, string>();
  #beyond = false;
  /** Why no further event can be applied, where that is not the matter of one key. */
  fault: unknown;
  /** Why no further event can be shown. It may be the matter of an order that changes yet. */
  shownFault: unknown;

  constructor(projection: Projection, base: Map<string, unknown> = new Map()) {
    this.projection = projection;
    this.#base = base;
  }

  get(key: string): unknown {
    if (this.#over.size > 0) {
      const state = this.#over.get(key);
      if (state !== undefined) return state === gone ? undefined : state;
    }
    return this.#base.get(key);
  }

  set(key: string, state: unknown): void {
    this.#touched.add(key);
    if (this.#beyond) this.#over.set(key, state);
    else this.#base.set(key, state);
  }

  delete(key: string): void {
    this.#touched.delete(key);
    if (this.#beyond) this.#over.set(key, gone);
    else this.#base.delete(key);
  }

  get size(): number {
    let size = this.#base.size;
    for (const [key, state] of this.#over) size += Number(state !== gone) - Number(this.#base.has(key));
    return size;
  }

  *entries(): IterableIterator<[string, unknown]> {
    for (const [key, state] of this.#base) if (!this.#over.has(key)) yield [key, state];
    for (const [key, state] of this.#over) if (state !== gone) yield [key, state];
  }

  /**
   * Applies events for good. What was shown beyond them is gone, because it was folded without them.
   *
   * @returns how many of the events meant something to the projection
   */
  advance(events: Iterable<RawEvent>, policy: "strict" | "aside"): number {
    this.#hide();
    return this.#fold(events, policy);
  }

  /**
   * Shows events beyond the model's position, instead of the ones that were shown before. Earlier ones may still be
   * missing, so what cannot be applied is set aside until it comes again, and nothing is failed for it.
   */
  show(events: Iterable<RawEvent>): void {
    this.#hide();
    this.#beyond = true;
    this.#fold(events, "aside");
    this.#beyond = false;
  }

  /** Keys whose rows are older than what the model holds: for now, or until they are mended. */
  get late(): string[] {
    return [...new Set([...this.aside.keys(), ...this.#shownAside.keys()])].sort();
  }

  #hide(): void {
    this.#over.clear();
    this.#shownAside.clear();
    this.shownFault = undefined;
  }

  #fold(events: Iterable<RawEvent>, policy: "strict" | "aside"): number {
    if (this.fault !== undefined) return 0;
    try {
      return this.#foldAll(events, policy);
    } catch (error) {
      if (this.#beyond) {
        this.shownFault = error;
        return 0;
      }
      // Whoever goes on with the other projections must not apply these events to this one again.
      this.fault = error;
      if (policy === "strict") throw error;
      return 0;
    }
  }

  #foldAll(events: Iterable<RawEvent>, policy: "strict" | "aside"): number {
    const aside = this.#beyond ? this.#shownAside : this.aside;
    let applied = 0;
    for (const event of events) {
      const step = planStep(this.projection, event);
      if (step === undefined) continue;
      applied++;
      for (const key of step.keys) {
        if (this.#isAside(key)) continue;
        const waits = step.reads.find((read) => this.#isAside(read));
        try {
          if (waits === undefined) applyStep(this.projection, step, key, this);
          else aside.set(key, `it depends on row ${JSON.stringify(waits)}, which is set aside`);
        } catch (error) {
          if (policy === "strict") throw error;
          aside.set(key, (error as ProjectionError).message);
        }
      }
    }
    this.#check();
    return applied;
  }

  #isAside(key: string): boolean {
    return this.aside.has(key) || this.#shownAside.has(key);
  }

  /** A row that would come back from the database as another one must not be served either. */
  #check(): void {
    for (const key of this.#touched) {
      const state = this.get(key);
      if (state !== undefined) encodeRow(this.projection, key, state);
    }
    this.#touched.clear();
  }
}
