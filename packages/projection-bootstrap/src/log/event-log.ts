import type pg from "pg";
import type { Position } from "../position.ts";

/** An event as the log holds it. */
export interface StoredEvent<Data = unknown> {
  readonly position: Position;
  readonly stream: string;
  /** Place of the event in its stream, from 1; 0 when the log does not number them. */
  readonly version: number;
  readonly type: string;
  readonly data: Data;
  readonly recordedAt: Date;
}

/** An event as it travels: its data is still JSON text, and absent where no reader asked for its type. */
export interface RawEvent extends Omit<StoredEvent, "data"> {
  readonly json: string | undefined;
}

/** What one database snapshot shows of a log. */
export interface Horizon {
  /** No event will ever appear at or before this position that is not visible now. */
  readonly fence: Position;
  /** The last visible event; later ones may exist whose transactions are open, and earlier ones too. */
  readonly head: Position;
  /** `pg_current_snapshot()`: exactly which transactions are visible. */
  readonly snapshot: string;
  /** Why positions of this log mean nothing on this server, or undefined when they do. */
  readonly foreign: string | undefined;
}

export interface ReadRange {
  /** Exclusive. */
  readonly after: Position;
  /** Inclusive. */
  readonly upTo: Position;
  /** Types whose data is wanted; every other event counts as scanned and comes without it. @default all */
  readonly types?: readonly string[] | undefined;
  /** Leaves out what this `pg_current_snapshot()` shows. */
  readonly notIn?: string | undefined;
  /** Events in a page, at most. */
  readonly limitRows: number;
  /** Bytes of JSON text in a page, at most; a single larger event comes alone. */
  readonly limitBytes: number;
}

export interface Page {
  readonly events: readonly RawEvent[];
  /** Whether the range ends here. */
  readonly last: boolean;
  /** Bytes of JSON text. */
  readonly bytes: number;
}

/** Up to where a fold went. */
export interface FoldedTo {
  readonly checkpoint: Position;
  /** Events up to there. */
  readonly scanned: number;
}

/** The event-reading port. Every event that this package reads comes through `read`. */
export interface EventLog {
  /** Stable; rows made from one log are never continued from another. */
  readonly name: string;
  /** A channel whose notifications say that something was appended; a hint only. */
  readonly channel: string | undefined;
  /** Whether projections can run inside its appends, and readers can tell by snapshot what they have seen. */
  readonly inline: boolean;
  /** Looks before a snapshot is taken for what {@link EventLog.horizon} cannot learn inside of it. */
  settle(client: pg.Pool | pg.ClientBase, signal?: AbortSignal): Promise<Position | undefined>;
  /** What the client's transaction, which should be a snapshot, shows. `settled` comes from {@link EventLog.settle}. */
  horizon(client: pg.ClientBase, settled: Position | undefined): Promise<Horizon>;
  /** The next page of a range, in the log's order, in the client's transaction. */
  read(client: pg.ClientBase, range: ReadRange): Promise<Page>;
  /**
   * Whether events are gone that a fold would have to read: from the log's beginning, or from where one stands. A log
   * that somebody else keeps may not be able to tell.
   */
  isCut(client: pg.ClientBase, from?: FoldedTo): Promise<boolean>;
  /** How many events come after a position, counted up to `cap`. Reads no event. */
  countAfter(client: pg.ClientBase, after: Position, cap: number): Promise<number>;
}

/** What was read through the port. */
export interface ReadCount {
  rows: number;
  bytes: number;
  pages: number;
}

/** Reads a whole range page by page; a page is released before the next one is asked for. */
export async function* readPages(
  log: EventLog,
  client: pg.ClientBase,
  range: ReadRange,
  { count, signal }: { count?: ReadCount | undefined; signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Page> {
  let after = range.after;
  for (;;) {
    signal?.throwIfAborted();
    const page = await log.read(client, { ...range, after });
    if (count !== undefined) {
      count.rows += page.events.length;
      count.bytes += page.bytes;
      count.pages += 1;
    }
    const final = page.events.at(-1);
    if (final !== undefined) after = final.position;
    yield page;
    if (page.last) return;
  }
}
