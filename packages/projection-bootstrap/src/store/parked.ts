import type pg from "pg";
import { comparePositions, type Position } from "../position.ts";
import { storableText } from "./storable-text.ts";

export interface ParkedEvent {
  readonly key: string;
  readonly position: Position;
  /** Undefined for an event that only waits behind one that failed. */
  readonly error: string | undefined;
}

export async function parkEvents(
  client: pg.ClientBase,
  versionId: string,
  events: readonly ParkedEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await client.query(
    `insert into headstart_projections.parked (version_id, key, era, xid, number, error)
     select $1, key, era, xid::xid8, number, error
       from unnest($2::text[], $3::integer[], $4::text[], $5::bigint[], $6::text[])
         as given (key, era, xid, number, error)
     on conflict do nothing`,
    [
      versionId,
      events.map(({ key }) => key),
      events.map(({ position }) => position.era),
      events.map(({ position }) => position.xid.toString()),
      events.map(({ position }) => position.number.toString()),
      events.map(({ error }) => (error === undefined ? null : storableText(error.slice(0, 2000)))),
    ],
  );
}

/**
 * The first event that waits of each key, in the log's order. Every later one of such a key waits as well, so this says
 * all that a fold has to know, and reads one index entry for a key, however many events wait behind it.
 */
export async function firstParked(
  client: pg.ClientBase | pg.Pool,
  versionId: string,
): Promise<ParkedEvent[]> {
  const { rows } = await client.query<{
    key: string;
    era: number;
    xid: string;
    number: string;
    error: string | null;
  }>(
    // A loose index scan: https://wiki.postgresql.org/wiki/Loose_indexscan
    `with recursive first as (
       (select parked.* from headstart_projections.parked
         where version_id = $1 order by key, era, xid, number limit 1)
       union all
       select next.* from first, lateral (
         select parked.* from headstart_projections.parked
          where version_id = $1 and key > first.key order by key, era, xid, number limit 1) as next
     )
     select key, era, xid::text as xid, number::text as number, error
       from first order by first.era, first.xid, first.number, key`,
    [versionId],
  );
  return rows.map((row) => ({
    key: row.key,
    position: { era: row.era, xid: BigInt(row.xid), number: BigInt(row.number) },
    error: row.error ?? undefined,
  }));
}

/** Tells whether an event waits, by its key and position. */
export function waitsIn(first: readonly ParkedEvent[]): (key: string, position: Position) => boolean {
  const from = new Map(first.map(({ key, position }) => [key, position]));
  return (key, position) => {
    const waiting = from.get(key);
    return waiting !== undefined && comparePositions(position, waiting) >= 0;
  };
}
