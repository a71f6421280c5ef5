import type pg from "pg";
import type { Position } from "../position.ts";
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

/** What waits, in the log's order; of one key, if it is named. */
export async function listParked(
  client: pg.ClientBase | pg.Pool,
  versionId: string,
  key?: string,
): Promise<ParkedEvent[]> {
  const { rows } = await client.query<{
    key: string;
    era: number;
    xid: string;
    number: string;
    error: string | null;
  }>(
    `select key, era, xid::text as xid, number::text as number, error
       from headstart_projections.parked
      where version_id = $1 and ($2::text is null or key = $2)
      order by parked.era, parked.xid, parked.number, key`,
    [versionId, key ?? null],
  );
  return rows.map((row) => ({
    key: row.key,
    position: { era: row.era, xid: BigInt(row.xid), number: BigInt(row.number) },
    error: row.error ?? undefined,
  }));
}

export async function parkedKeys(client: pg.ClientBase | pg.Pool, versionId: string): Promise<Set<string>> {
  const { rows } = await client.query<{ key: string }>(
    "select distinct key from headstart_projections.parked where version_id = $1 order by key",
    [versionId],
  );
  return new Set(rows.map(({ key }) => key));
}
