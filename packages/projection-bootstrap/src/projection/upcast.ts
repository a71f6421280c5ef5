import type { RawEvent, StoredEvent } from "../log/event-log.ts";

/** Turns events of an old shape into the next one. Listed oldest first; each sees what the ones before it made. */
export interface Upcaster {
  /** Type of the events that it takes. */
  readonly type: string;
  /** Type of the events that it makes. @default the same */
  readonly as?: string | undefined;
  /** Pure: old data in, new data out. */
  readonly data: (data: unknown) => unknown;
}

/** The type that an event of this stored type has in the end; told without looking at its data. */
export function upcastType(stored: string, upcasters: readonly Upcaster[]): string {
  return upcasters.reduce(
    (type, upcaster) => (upcaster.type === type ? (upcaster.as ?? type) : type),
    stored,
  );
}

/** Parses an event's data and brings it to the newest shape. */
export function upcast(event: RawEvent, upcasters: readonly Upcaster[]): StoredEvent {
  const { json, ...rest } = event;
  let type = event.type;
  let data: unknown = json === undefined ? undefined : JSON.parse(json);
  for (const upcaster of upcasters) {
    if (upcaster.type !== type) continue;
    data = upcaster.data(data);
    type = upcaster.as ?? type;
  }
  return { ...rest, type, data };
}

/** Types to read so that, after upcasting, all of the given ones are there. */
export function storedTypes(types: readonly string[], upcasters: readonly Upcaster[]): readonly string[] {
  const wanted = new Set(types);
  for (const { type, as } of [...upcasters].reverse()) {
    if (wanted.has(as ?? type)) wanted.add(type);
  }
  return [...wanted];
}
