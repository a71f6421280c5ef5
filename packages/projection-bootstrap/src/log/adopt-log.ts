import type pg from "pg";
import { z } from "zod";
import { checkOptions, optional } from "../check-options.ts";
import { quoteIdentifier, quoteTable } from "../database/quote-identifier.ts";
import { quoteLiteral } from "../database/quote-literal.ts";
import { ProjectionError } from "../errors.ts";
import { beginning, type Position } from "../position.ts";
import { canonicalRow } from "../projection/row-codec.ts";
import type { EventLog, Horizon } from "./event-log.ts";
import { type LogColumns, readPage, countAfter } from "./read-page.ts";

export interface AdoptedColumns {
  /** A unique, indexed whole number from 1 that only grows. @default "position" */
  readonly position?: string | undefined;
  /** @default "stream" */
  readonly stream?: string | undefined;
  /** Place in the stream; null when the log does not number them. @default "version" */
  readonly version?: string | null | undefined;
  /** @default "type" */
  readonly type?: string | undefined;
  /**
   * `json`, `jsonb`, or text that holds JSON. Or several columns, by the name of the property of the event's data that
   * each becomes, as Postgres says it in JSON. @default "data"
   */
  readonly data?: string | Readonly<Record<string, string>> | undefined;
  /** @default "recorded_at" */
  readonly recordedAt?: string | undefined;
}

export interface AdoptLogOptions {
  /** `table` or `schema.table`. With `watched` writers no view, because writers do not lock views. */
  readonly table: string;
  readonly columns?: AdoptedColumns | undefined;
  /**
   * `watched`: writers may overlap, so an event counts once every transaction that was writing to the table when it
   * was seen has ended. `serialized`: the application appends one transaction at a time, each in full.
   *
   * @default "watched"
   */
  readonly writers?: "watched" | "serialized" | undefined;
  /** How long a boot waits for open writers before it settles for an earlier position. @default 2000 */
  readonly settleMs?: number | undefined;
  /** A channel that the application notifies after an append. @default none: new events are found by polling */
  readonly channel?: string | undefined;
}

/**
 * A log that somebody else keeps: it is read and never written. Its order is that of its position column.
 *
 * Numbers must be taken by the statement that inserts the row, as an identity or serial column does; a number that
 * was reserved earlier, for example by `nextval` or a sequence cache, can appear behind the readers.
 *
 * @throws {ProjectionError} `OPTION_INVALID`
 */
export function adoptLog(options: AdoptLogOptions): EventLog {
  checkOptions(z.object({ settleMs: optional.millisecondsOrNone }), options);
  const { writers = "watched", settleMs = 2000, channel } = options;
  const columns = adoptedColumns(options);
  return {
    name: logName(options),
    channel,
    inline: false,
    settle: (client, signal) =>
      writers === "serialized" ? Promise.resolve(undefined) : settle(client, { columns, settleMs, signal }),
    horizon: (client, settled) =>
      readHorizon(client, columns, writers === "serialized" ? undefined : settled),
    read: (client, range) => readPage(client, columns, range),
    // Nobody but its keeper knows what an adopted log once held.
    isCut: () => Promise.resolve(false),
    countAfter: (client, after, cap) => countAfter(client, columns, after, cap),
  };
}

function adoptedColumns({ table, columns = {} }: AdoptLogOptions): LogColumns {
  const position = quoteIdentifier(columns.position ?? "position");
  const data = dataText(columns.data ?? "data");
  const { version = "version" } = columns;
  return {
    table: quoteTable(table),
    era: "0",
    xid: "'0'",
    number: position,
    stream: `${quoteIdentifier(columns.stream ?? "stream")}::text`,
    version: version === null ? "0" : quoteIdentifier(version),
    type: `${quoteIdentifier(columns.type ?? "type")}::text`,
    data,
    bytes: `octet_length(${data})`,
    storedBytes: storedBytes(columns.data ?? "data"),
    recordedAt: quoteIdentifier(columns.recordedAt ?? "recorded_at"),
    order: [position],
  };
}

/** The event's data as JSON text. */
function dataText(data: string | Readonly<Record<string, string>>): string {
  if (typeof data === "string") return `${quoteIdentifier(data)}::text`;
  const properties = Object.entries(data).map(
    ([property, column]) => `${quoteLiteral(property)}::text, ${quoteIdentifier(column)}`,
  );
  return `jsonb_build_object(${properties.join(", ")})::text`;
}

/** By how much compressed text is taken to be longer than it is stored: JSON is by three to five times, as a rule. */
const compression = 4;

/** What the columns take as they are stored, which is known without fetching them. */
function storedBytes(data: string | Readonly<Record<string, string>>): string {
  const columns = typeof data === "string" ? [data] : Object.values(data);
  const sizes = columns.map(quoteIdentifier).map(
    (column) =>
      `coalesce(pg_column_size(${column})::bigint
         * case when pg_column_compression(${column}) is null then 1 else ${compression} end, 0)`,
  );
  return sizes.length === 0 ? "0" : sizes.join(" + ");
}

/** Read through other columns it is another log: its events say something else. */
function logName({ table, columns = {} }: AdoptLogOptions): string {
  const given = Object.entries(columns).filter(([, column]) => column !== undefined);
  if (given.length === 0) return `table ${table}`;
  return `table ${table} ${canonicalRow(Object.fromEntries(given))}`;
}

async function lastPosition(
  client: pg.ClientBase | pg.Pool,
  { table, number }: LogColumns,
): Promise<Position> {
  const { rows } = await client.query<{ number: string; early: boolean }>(
    // Qualified: a bare name would mean the text that is selected, if the column is called like it, and "9" is after "10".
    `select log.${number}::text as number, exists (select from ${table} as log where log.${number} <= 0) as early
       from ${table} as log order by log.${number} desc limit 1`,
  );
  if (rows[0]?.early === true) {
    throw new ProjectionError("LOG_UNSUITABLE", `${table} has events at positions before 1`, {
      hint: "number them from 1: everything before the first position counts as read",
    });
  }
  return rows[0] === undefined ? beginning : { ...beginning, number: BigInt(rows[0].number) };
}

/** Everything that could still write a position up to the last one holds a lock on the table while it does. */
const writersQuery = `
  select distinct virtualtransaction
    from pg_locks
   where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
     and relation in (select $1::regclass union select relid from pg_partition_tree($1::regclass))
     and mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
     and pid is distinct from pg_backend_pid()`;

interface Settling {
  readonly columns: LogColumns;
  readonly settleMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * A position that everything before it is visible of. Looks for the last position, then for whoever was writing at
 * that time, and waits until they are gone; whoever came later takes later positions. The beginning, when they do
 * not go in time: then nothing new is known, and readers stay where checkpoints already are.
 */
async function settle(
  client: pg.Pool | pg.ClientBase,
  { columns, settleMs, signal }: Settling,
): Promise<Position> {
  const { rows } = await client.query<{ standby: boolean; table: boolean }>(
    `select pg_is_in_recovery() as standby, relkind in ('r', 'p') as table from pg_class where oid = $1::regclass`,
    [columns.table],
  );
  if (rows[0]?.table === false) {
    throw new ProjectionError(
      "LOG_UNSUITABLE",
      `${columns.table} is no table, so nobody can see its writers`,
      {
        hint: 'name the table itself, or pass { writers: "serialized" } if appends never overlap',
      },
    );
  }
  if (rows[0]?.standby === true) {
    throw new ProjectionError("LOG_UNSUITABLE", "a standby cannot show who is writing to the adopted log", {
      hint: 'read from the primary, or pass { writers: "serialized" } if appends never overlap',
    });
  }
  const seen = await lastPosition(client, columns);
  let open = await listWriters(client, columns.table);
  const deadline = performance.now() + settleMs;
  while (open.size > 0) {
    if (performance.now() > deadline) return beginning;
    signal?.throwIfAborted();
    await client.query("select pg_sleep(0.01)");
    const now = await listWriters(client, columns.table);
    open = new Set([...open].filter((writer) => now.has(writer)));
  }
  return seen;
}

async function listWriters(client: pg.Pool | pg.ClientBase, table: string): Promise<Set<string>> {
  const { rows } = await client.query<{ virtualtransaction: string }>(writersQuery, [table]);
  return new Set(rows.map(({ virtualtransaction }) => virtualtransaction));
}

async function readHorizon(
  client: pg.ClientBase,
  columns: LogColumns,
  settled: Position | undefined,
): Promise<Horizon> {
  const head = await lastPosition(client, columns);
  const { rows } = await client.query<{ snapshot: string }>("select pg_current_snapshot()::text as snapshot");
  return { fence: settled ?? head, head, snapshot: rows[0]?.snapshot ?? "", foreign: undefined };
}
