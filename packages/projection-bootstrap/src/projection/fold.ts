import { indexable, isIndexable } from "../database/indexed-text.ts";
import { ProjectionError } from "../errors.ts";
import type { RawEvent, StoredEvent } from "../log/event-log.ts";
import { formatPosition } from "../position.ts";
import type { Projection } from "./define-projection.ts";
import { storedTypes, upcast, upcastType } from "./upcast.ts";

/** Where a fold keeps rows: a map in memory, or a batch's copy of a table's rows. */
export interface RowStore {
  get(key: string): unknown;
  set(key: string, state: unknown): void;
  delete(key: string): void;
}

/** An event that a projection takes, and what it touches. */
export interface Step {
  readonly event: StoredEvent;
  /** Rows that it changes, without repetition. */
  readonly keys: readonly string[];
  /** Rows that it looks at besides. */
  readonly reads: readonly string[];
}

/** Types whose data has to be read for a projection; undefined for all. */
export function wantedTypes({ definition }: Projection): readonly string[] | undefined {
  const { types, upcasters = [] } = definition;
  return types === undefined ? undefined : storedTypes(types, upcasters);
}

/** Types whose data has to be read for several projections; undefined for all. */
export function typesOf(projections: readonly Projection[]): readonly string[] | undefined {
  const all = new Set<string>();
  for (const projection of projections) {
    const types = wantedTypes(projection);
    if (types === undefined) return undefined;
    for (const type of types) all.add(type);
  }
  return [...all];
}

/**
 * What an event means to a projection; undefined when nothing.
 *
 * @throws {ProjectionError} `POISON_EVENT` when not even its key can be told
 */
export function planStep(projection: Projection, raw: RawEvent): Step | undefined {
  if (raw.json === undefined) return undefined;
  const { definition, name } = projection;
  const { types, upcasters = [], key, reads } = definition;
  // Data of other types was read for another projection, and need not even be JSON.
  if (types !== undefined && !types.includes(upcastType(raw.type, upcasters))) return undefined;
  try {
    const event = upcast(raw, upcasters);
    const found = key(event);
    if (found === undefined) return undefined;
    const keys = typeof found === "string" ? [found] : [...new Set(found)];
    for (const each of keys) checkKey(each);
    if (keys.length === 0) return undefined;
    const looksAt = reads?.(event) ?? [];
    for (const each of looksAt) checkKey(each);
    return { event, keys, reads: looksAt };
  } catch (cause) {
    throw poison(name, raw, { cause });
  }
}

function checkKey(key: unknown): void {
  if (isIndexable(key)) return;
  const found = (JSON.stringify(key) as string | undefined) ?? String(key);
  throw new TypeError(`a key is ${indexable}, not ${found.slice(0, 200)}`);
}

/**
 * Applies a step to one of its rows.
 *
 * @throws {ProjectionError} `POISON_EVENT`; the row is as it was
 */
export function applyStep(projection: Projection, { event, reads }: Step, key: string, rows: RowStore): void {
  const { apply, init } = projection.definition;
  const get = (other: string): unknown => {
    // Not the event's other keys either: a row that is folded again by itself would find them missing.
    if (other === key || reads.includes(other)) return rows.get(other);
    throw new ProjectionError(
      "READ_NOT_DECLARED",
      `${projection.name} looked at row ${JSON.stringify(other)} without having said so`,
      { hint: "return that key from reads(event)" },
    );
  };
  try {
    const next = apply(rows.get(key) ?? init(key), event, { key, get });
    if (next === undefined) rows.delete(key);
    else rows.set(key, next);
  } catch (cause) {
    throw poison(projection.name, event, { key, cause });
  }
}

interface Poisoned {
  readonly key?: string | undefined;
  readonly cause: unknown;
}

function poison(
  projection: string,
  event: Pick<StoredEvent, "position" | "stream" | "type">,
  { key, cause }: Poisoned,
): ProjectionError {
  const row = key === undefined ? "" : ` to row ${JSON.stringify(key)}`;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ProjectionError(
    "POISON_EVENT",
    `${projection} cannot apply ${event.type} of ${event.stream} at ${formatPosition(event.position)}${row}: ${reason}`,
    { cause, hint: `correct the projector and deploy it, or add an upcaster for ${event.type}` },
  );
}
