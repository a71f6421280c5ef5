import type pg from "pg";
import type { Projection } from "../../src/projection/define-projection.ts";

/**
 * What a projection's rows must be, worked out apart from everything under test: all visible events in the order of
 * era, transaction and number, folded with nothing but the definition's own functions.
 */
export async function fullFold(
  client: pg.Pool | pg.ClientBase,
  projection: Projection,
  upTo?: { era: number; xid: bigint; number: bigint },
): Promise<Map<string, unknown>> {
  const { key, init, apply } = projection.definition;
  const { rows } = await client.query<{
    era: number;
    xid: string;
    number: string;
    stream: string;
    version: string;
    type: string;
    data: unknown;
    recorded_at: Date;
  }>(
    `select era, xid::text as xid, number::text as number, stream, version::text as version, type, data, recorded_at
       from headstart_projections.event order by event.era, event.xid, event.number`,
  );
  const states = new Map<string, unknown>();
  for (const row of rows) {
    const position = { era: row.era, xid: BigInt(row.xid), number: BigInt(row.number) };
    if (upTo !== undefined && isAfter(position, upTo)) continue;
    const event = {
      position,
      stream: row.stream,
      version: Number(row.version),
      type: row.type,
      data: row.data,
      recordedAt: row.recorded_at,
    };
    const found = key(event);
    for (const each of found === undefined ? [] : [found].flat()) {
      const next = apply(states.get(each) ?? init(each), event, {
        key: each,
        get: (other) => states.get(other),
      });
      if (next === undefined) states.delete(each);
      else states.set(each, next);
    }
  }
  return states;
}

type Triple = { era: number; xid: bigint; number: bigint };

function isAfter(a: Triple, b: Triple): boolean {
  if (a.era !== b.era) return a.era > b.era;
  if (a.xid !== b.xid) return a.xid > b.xid;
  return a.number > b.number;
}

export function sorted(states: Iterable<readonly [string, unknown]>): [string, unknown][] {
  return [...states]
    .map(([key, state]): [string, unknown] => [key, state])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
