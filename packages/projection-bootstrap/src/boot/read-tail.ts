import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import { type EventLog, type RawEvent, readPages, type ReadCount } from "../log/event-log.ts";
import { comparePositions, formatPosition, type Position } from "../position.ts";
import { typesOf } from "../projection/fold.ts";
import type { MemoryRows } from "./memory-rows.ts";

/** Rows in memory and up to where they go. */
export interface Trailing {
  readonly rows: MemoryRows;
  readonly checkpoint: Position;
  applied: number;
  /** Why it cannot go on, where that leaves the others alone. */
  error?: unknown;
}

export interface TailOptions {
  readonly log: EventLog;
  readonly upTo: Position;
  readonly limitRows: number;
  readonly limitBytes: number;
  readonly policy: "strict" | "aside";
  readonly count: ReadCount;
  /** When aborted, reading ends at the next position that all projections can stand at. */
  readonly deadline: AbortSignal;
  readonly signal?: AbortSignal | undefined;
  readonly onEvents?: ((events: number) => void) | undefined;
}

/**
 * One pass over the log for all projections, each leaving out what it has.
 *
 * @returns the position at which every projection stands: `upTo`, unless the time was over
 */
export async function readTail(
  client: pg.ClientBase,
  trailing: readonly Trailing[],
  options: TailOptions,
): Promise<Position> {
  const { log, upTo, limitRows, limitBytes, count, deadline, signal, onEvents } = options;
  const [first, ...others] = trailing.map(({ checkpoint }) => checkpoint).sort(comparePositions);
  if (first === undefined || comparePositions(first, upTo) >= 0) return upTo;
  const latest = others.at(-1) ?? first;
  const types = typesOf(trailing.map(({ rows }) => rows.projection));
  const order = new OrderCheck(log.inline);
  let at = first;
  for await (const page of readPages(
    log,
    client,
    { after: first, upTo, types, limitRows, limitBytes },
    { count, signal },
  )) {
    for (const event of page.events) order.take(event);
    for (const each of trailing) takePage(each, page.events, options.policy);
    at = page.last ? upTo : (page.events.at(-1)?.position ?? at);
    onEvents?.(count.rows);
    if (deadline.aborted && !page.last && comparePositions(at, latest) >= 0) return at;
  }
  if (comparePositions(at, upTo) === 0) return upTo;
  throw missed(`the tail ended at ${formatPosition(at)} instead of ${formatPosition(upTo)}`);
}

function takePage(trailing: Trailing, events: readonly RawEvent[], policy: "strict" | "aside"): void {
  if (trailing.error !== undefined) return;
  const { rows, checkpoint } = trailing;
  const news = events.filter(({ position }) => comparePositions(position, checkpoint) > 0);
  trailing.applied += rows.advance(news, policy);
  trailing.error = rows.fault;
}

/** Streams to remember at most; beyond that their numbers are forgotten and checked anew. */
const streamsRemembered = 100_000;

/** Positions only grow, and the events of a stream come without a gap, or something was lost. */
class OrderCheck {
  readonly #numbered: boolean;
  readonly #versions = new Map<string, number>();
  #last: Position | undefined;

  constructor(numbered: boolean) {
    this.#numbered = numbered;
  }

  take({ position, stream, version }: RawEvent): void {
    if (this.#last !== undefined && comparePositions(position, this.#last) <= 0) {
      throw missed(`the log returned ${formatPosition(position)} after ${formatPosition(this.#last)}`);
    }
    this.#last = position;
    if (!this.#numbered) return;
    const before = this.#versions.get(stream);
    if (before !== undefined && version !== before + 1) {
      throw missed(`version ${version} of stream ${stream} follows version ${before} in the log`);
    }
    if (this.#versions.size > streamsRemembered) this.#versions.clear();
    this.#versions.set(stream, version);
  }
}

function missed(message: string): ProjectionError {
  return new ProjectionError("POSITION_MISSED", message, {
    hint: "somebody changed or deleted events; run verify() to learn which rows still hold, then rebuild",
  });
}
