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
 * Makes the table. Half of each block stays free, so that new states of rows lie beside the old ones and take their
 * place soon: otherwise a rebuild over a long log would leave a table of many times its size, which boots have to read.
 * `state` is null in the sentinel, and in rows that are gone but whose last writer still has to be
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
     ) with (fillfactor = 50)`,
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

/** What can be told of a version's table without reading its rows. */
export interface TableFacts {
  /** Whether it is there and was not emptied. */
  readonly whole: boolean;
  readonly blocks: number;
  /** Whether rows may be much larger than the blocks they are found in. */
  readonly wide: boolean;
  /** Whether events of the version are set aside. */
  readonly parked: boolean;
}

/**
 * A version that the snapshot knows has no table. It may have been dropped with the version meanwhile, which only
 * another snapshot can tell: {@link lookAgain}.
 */
class TableMissed extends Error {
  readonly ids: readonly string[];

  constructor(ids: readonly string[]) {
    super(`the tables of versions ${ids.join(", ")} are not there`);
    this.ids = ids;
  }
}

/**
 * Runs `look`, which begins a snapshot and calls {@link readTables}, again until that believes what it sees. It is given
 * the ids of versions that an earlier snapshot knew and missed the tables of: if this one knows them, they are lost.
 */
export async function lookAgain<Result>(
  look: (missed: ReadonlySet<string>) => Promise<Result>,
): Promise<Result> {
  const missed = new Set<string>();
  for (;;) {
    try {
      return await look(missed);
    } catch (error) {
      if (!(error instanceof TableMissed)) throw error;
      for (const id of error.ids) missed.add(id);
    }
  }
}

/** The tables of some versions, by id, in two statements. Within {@link lookAgain}, which says what was missed. */
export async function readTables(
  client: pg.ClientBase,
  ids: readonly string[],
  missed: ReadonlySet<string>,
): Promise<Map<string, TableFacts>> {
  const { rows } = await client.query<{ id: string; blocks: number | null; wide: boolean; parked: boolean }>(
    `select id, ceil(pg_relation_size(oid)::float8 / current_setting('block_size')::integer)::float8 as blocks,
            coalesce(reltoastrelid <> 0 and pg_relation_size(reltoastrelid) > 0, false) as wide,
            exists (select from headstart_projections.parked where version_id = id::bigint) as parked
       from unnest($1::text[]) as id
       left join pg_class on oid = to_regclass('headstart_projections.rows_' || id)`,
    [ids],
  );
  const without = rows.filter(({ id, blocks }) => blocks === null && !missed.has(id));
  if (without.length > 0) throw new TableMissed(without.map(({ id }) => id));
  const existing = rows.filter(({ blocks }) => blocks !== null).map(({ id }) => id);
  const whole = await withSentinel(client, existing);
  return new Map(
    rows.map(({ id, blocks, wide, parked }) => [
      id,
      { whole: whole.has(id), blocks: blocks ?? 0, wide, parked },
    ]),
  );
}

async function withSentinel(client: pg.ClientBase, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const each = ids.map((id, index) => `select $${index + 2}::text as id from ${rowTable(id)} where key = $1`);
  try {
    const { rows } = await client.query<{ id: string }>(each.join(" union all "), [sentinelKey, ...ids]);
    return new Set(rows.map(({ id }) => id));
  } catch (error) {
    // One of them went since they were listed. Which one, the next look sees.
    if ((error as { code?: unknown }).code === undefinedTable) throw new TableMissed([]);
    throw error;
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const undefinedTable = "42P01";

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
