import type pg from "pg";
import { quoteIdentifier } from "../database/quote-identifier.ts";
import { type Position } from "../position.ts";

/** The table of a version's rows, quoted. */
export function rowTable(versionId: string): string {
  return `headstart_projections.${quoteIdentifier(`rows_${versionId}`)}`;
}

/** Marks a table as whole: a table that was emptied, or that a restore left out the data of, lacks it. */
export const sentinelKey = "";

/**
 * Makes the table. `state` is null in the sentinel, and in rows that are gone but whose last writer still has to be
 * known, which is so for rows that are kept inline.
 */
export async function createRowTable(client: pg.ClientBase, versionId: string): Promise<void> {
  const table = rowTable(versionId);
  await client.query(`drop table if exists ${table}`);
  await client.query(
    `create table ${table} (
       key text collate "C" primary key,
       state json,
       era integer not null,
       xid xid8 not null,
       number bigint not null
     )`,
  );
  await client.query(`insert into ${table} (key, era, xid, number) values ($1, 0, '0', 0)`, [sentinelKey]);
}

export async function rowTableExists(client: pg.ClientBase, versionId: string): Promise<boolean> {
  const { rows } = await client.query<{ whole: boolean }>("select to_regclass($1) is not null as whole", [
    rowTable(versionId),
  ]);
  return rows[0]?.whole === true;
}

/** Whether the sentinel is there; the table is. */
export async function hasSentinel(client: pg.ClientBase, versionId: string): Promise<boolean> {
  const { rowCount } = await client.query(`select from ${rowTable(versionId)} where key = $1`, [sentinelKey]);
  return rowCount === 1;
}

/** Those of some versions whose tables are there and were not emptied, in two statements. */
export async function wholeVersions(client: pg.ClientBase, ids: readonly string[]): Promise<Set<string>> {
  const existing = await client.query<{ id: string }>(
    `select id from unnest($1::text[]) as id
      where to_regclass('headstart_projections.rows_' || id) is not null`,
    [ids],
  );
  if (existing.rows.length === 0) return new Set();
  const each = existing.rows.map(
    ({ id }, index) => `select $${index + 2}::text as id from ${rowTable(id)} where key = $1`,
  );
  const whole = await client.query<{ id: string }>(each.join(" union all "), [
    sentinelKey,
    ...existing.rows.map(({ id }) => id),
  ]);
  return new Set(whole.rows.map(({ id }) => id));
}

/** A stored row; `json` is undefined for one that is gone. */
export interface StoredRow {
  readonly key: string;
  readonly json: string | undefined;
  /** Of the last event that was applied to it. */
  readonly position: Position;
}

/** The named rows, in one statement. */
export async function readRows(
  client: pg.ClientBase,
  versionId: string,
  keys: readonly string[],
): Promise<StoredRow[]> {
  const { rows } = await client.query<[string, string | null, number, string, string]>({
    text: `select key, state::text, era, xid::text, number::text from ${rowTable(versionId)} where key = any ($1::text[])`,
    rowMode: "array",
    values: [keys],
  });
  return rows.map(([key, json, era, xid, number]) => ({
    key,
    json: json ?? undefined,
    position: { era, xid: BigInt(xid), number: BigInt(number) },
  }));
}

/** Writes rows, in one statement for those that stay and one for those that go. */
export async function writeRows(
  client: pg.ClientBase,
  versionId: string,
  rows: readonly StoredRow[],
  { keepGone }: { readonly keepGone: boolean },
): Promise<void> {
  const stay = keepGone ? rows : rows.filter(({ json }) => json !== undefined);
  const go = keepGone ? [] : rows.filter(({ json }) => json === undefined);
  if (stay.length > 0) {
    await client.query({
      text: `insert into ${rowTable(versionId)} (key, state, era, xid, number)
             select key, state::json, era, xid::xid8, number
               from unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::bigint[])
                 as given (key, state, era, xid, number)
             on conflict (key) do update
               set state = excluded.state, era = excluded.era, xid = excluded.xid, number = excluded.number`,
      values: [
        stay.map(({ key }) => key),
        stay.map(({ json }) => json ?? null),
        stay.map(({ position }) => position.era),
        stay.map(({ position }) => position.xid.toString()),
        stay.map(({ position }) => position.number.toString()),
      ],
    });
  }
  if (go.length > 0) {
    await client.query(`delete from ${rowTable(versionId)} where key = any ($1::text[])`, [
      go.map(({ key }) => key),
    ]);
  }
}
