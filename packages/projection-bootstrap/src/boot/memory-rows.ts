import type { RawEvent } from "../log/event-log.ts";
import type { Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { RowLayer } from "./row-layer.ts";

/**
 * A projection's rows in memory: those at the model's position, and on top of them what events beyond it changed,
 * of which earlier ones may still be missing.
 */
export class MemoryRows {
  readonly projection: Projection;
  readonly #base: RowLayer;
  #over: RowLayer;

  constructor(projection: Projection, rows: Map<string, unknown> = new Map()) {
    this.projection = projection;
    this.#base = new RowLayer(projection, undefined, rows);
    this.#over = new RowLayer(projection, this.#base);
  }

  get(key: string): unknown {
    return this.#over.get(key);
  }

  get size(): number {
    return this.#over.size;
  }

  entries(): IterableIterator<[string, unknown]> {
    return this.#over.entries();
  }

  /** Keys that an event could not be applied to for good, with the reason. */
  get aside(): Map<string, string> {
    return this.#base.aside;
  }

  /** Why no further event can be applied, where that is not the matter of one key. */
  get fault(): unknown {
    return this.#base.fault;
  }

  /** Why no further event can be shown. It may be the matter of an order that changes yet. */
  get shownFault(): unknown {
    return this.#over.fault;
  }

  /** Keys whose rows are older than what the model holds: for now, or until they are mended. */
  get behind(): string[] {
    return [...new Set([...this.aside.keys(), ...this.#over.aside.keys()])].sort();
  }

  /**
   * Applies events for good.
   *
   * @returns how many of them meant something to the projection
   */
  advance(events: Iterable<RawEvent>, policy: "strict" | "aside"): number {
    return this.#base.fold(events, policy);
  }

  /**
   * Shows events beyond the model's position, in the log's order. What cannot be applied is set aside until the order
   * is known, and nothing is failed for it.
   */
  show(events: Iterable<RawEvent>): void {
    this.#over.fold(events, "aside");
  }

  /** Begins a change of which readers see nothing before it is published. */
  draft(): RowsDraft {
    const inline = this.projection.mode === "inline";
    const news = new RowLayer(this.projection, inline ? this.#base : this.#over);
    // What failed while earlier events may have been missing is tried again, from where nothing is.
    news.late = this.#over.fault !== undefined;
    const settled = new RowLayer(this.projection, this.#base);
    return {
      news,
      settled,
      shown: new RowLayer(this.projection, settled),
    };
  }

  /** The draft's part that was filled becomes what readers see. */
  publish({ news, settled, shown }: RowsDraft, { to, passed }: Published): void {
    if (this.projection.mode === "inline") {
      news.pour();
      return;
    }
    if (!news.late) news.pour();
    if (passed && !news.late) this.#over.pour();
    else settled.pour();
    if (news.late || passed) {
      this.#over = news.late ? shown : new RowLayer(this.projection, this.#base);
      this.#over.lieOn(this.#base);
    } else {
      this.#over.forget(to);
    }
  }
}

export interface RowsDraft {
  /** What only the newer snapshot shows, on top of what was shown; `late` when that would be the wrong order. */
  readonly news: RowLayer;
  /** What became final, on top of what was, where not all that is shown did. */
  readonly settled: RowLayer;
  /** What is shown beyond it, where `news` is late. */
  readonly shown: RowLayer;
}

export interface Published {
  /** The model's new position. */
  readonly to: Position;
  /** Whether nothing is shown beyond it. */
  readonly passed: boolean;
}
