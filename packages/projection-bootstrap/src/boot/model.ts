import { ProjectionError } from "../errors.ts";
import { visibleIn } from "../log/visible-in.ts";
import { comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import type { MemoryRows } from "./memory-rows.ts";

export interface QueryOptions<State> {
  /** @default every row */
  readonly where?: ((state: State, key: string) => boolean) | undefined;
  /** @default no limit */
  readonly limit?: number | undefined;
}

/** Read models in memory, all at one position. Readers never see half of a page of events. */
export interface Model {
  /** Every projection holds all events up to here. */
  readonly position: Position;
  /**
   * With inline projections a model may hold events beyond its position: exactly those that this
   * `pg_current_snapshot()` shows. Undefined without them.
   */
  readonly snapshot: string | undefined;
  /** A row, or undefined when there is none. */
  get<State>(projection: Projection<State>, key: string): State | undefined;
  query<State>(projection: Projection<State>, options?: QueryOptions<State>): State[];
  /** Number of rows. */
  size(projection: Projection): number;
  entries<State>(projection: Projection<State>): IterableIterator<[key: string, state: State]>;
  /** Whether an event at this position is in the model. */
  includes(position: Position): boolean;
}

/** The model as boot fills it and follow moves it; everybody else sees {@link Model}. */
export class LiveModel implements Model {
  readonly #rows = new Map<string, MemoryRows>();
  readonly #missing = new Map<string, string>();
  position: Position;
  snapshot: string | undefined;
  /** The last event that the model shows; at or before the position when nothing is shown beyond it. */
  shownTo: Position;
  #turn: Promise<void> = Promise.resolve();

  constructor(position: Position, snapshot: string | undefined) {
    this.position = position;
    this.shownTo = position;
    this.snapshot = snapshot;
  }

  /** One change at a time, in the order that they were asked for, however many follow the model. */
  inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  add(rows: MemoryRows): void {
    this.#rows.set(rows.projection.name, rows);
  }

  leaveOut(projection: string, reason: string): void {
    this.#rows.delete(projection);
    this.#missing.set(projection, reason);
  }

  get loaded(): MemoryRows[] {
    return [...this.#rows.values()];
  }

  rows({ name }: Projection): MemoryRows {
    const rows = this.#rows.get(name);
    const fault = (rows?.fault ?? rows?.shownFault) as Error | undefined;
    if (rows !== undefined && fault === undefined) return rows;
    if (rows?.fault !== undefined) this.leaveOut(name, (rows.fault as Error).message);
    const reason = fault?.message ?? this.#missing.get(name);
    if (reason === undefined) {
      throw new ProjectionError("PROJECTION_UNKNOWN", `${name} is not among the projections of this model`, {
        hint: "list it in createBootstrap({ projections })",
      });
    }
    throw new ProjectionError("PROJECTION_NOT_LOADED", `${name} is not in this model: ${reason}`, {
      hint: "look at report.degraded before the model is used; the README says what fixes each reason",
    });
  }

  get<State>(projection: Projection<State>, key: string): State | undefined {
    return this.rows(projection).get(key) as State | undefined;
  }

  query<State>(projection: Projection<State>, options: QueryOptions<State> = {}): State[] {
    const { where, limit = Number.POSITIVE_INFINITY } = options;
    const found: State[] = [];
    for (const [key, state] of this.entries(projection)) {
      if (found.length >= limit) break;
      if (where === undefined || where(state, key)) found.push(state);
    }
    return found;
  }

  size(projection: Projection): number {
    return this.rows(projection).size;
  }

  entries<State>(projection: Projection<State>): IterableIterator<[key: string, state: State]> {
    return this.rows(projection).entries() as IterableIterator<[string, State]>;
  }

  includes(position: Position): boolean {
    if (comparePositions(position, this.position) <= 0) return true;
    return this.snapshot !== undefined && visibleIn(this.snapshot, position.xid);
  }
}
