import type pg from "pg";
import { comparePositions, type Position } from "../position.ts";
import type { Page, RawEvent, ReadRange } from "./event-log.ts";

/** SQL expressions over the log's table, which make one page query for any log. */
export interface LogColumns {
  readonly table: string;
  readonly era: string;
  readonly xid: string;
  readonly number: string;
  readonly stream: string;
  readonly version: string;
  readonly type: string;
  /** As text. */
  readonly data: string;
  /** Bytes of that text. */
  readonly bytes: string;
  /** About as many, told without reading what is stored apart from the row; the same where `bytes` does so itself. */
  readonly storedBytes: string;
  readonly recordedAt: string;
  /** What the range is a comparison of: columns of one index, in its order. */
  readonly order: readonly string[];
}

/**
 * The page query. The innermost select is a plain range scan of the order's index with a row limit: filtering by
 * type there would let the planner leave that index for a worse one. Types and bytes are looked at outside of it.
 * Where the page ends is known before any data is looked at, because large data lies apart from its row: by what is
 * stored, and then, where that says it only roughly, by the text itself of what is left. Every column of ours is called
 * `headstart …`, since the log's own columns come along.
 */
export function pageQuery(columns: LogColumns, filterSnapshot: boolean): string {
  const { table, era, xid, number, stream, version, type, data, bytes, storedBytes, recordedAt, order } =
    columns;
  const key = order.join(", ");
  const size = order.length;
  const bound = (first: number): string =>
    size === 1 ? `$${first}::bigint` : `$${first}::integer, $${first + 1}::xid8, $${first + 2}::bigint`;
  const range = `(${key}) > (${bound(1)}) and (${key}) <= (${bound(1 + size)})`;
  const [types, limitRows, limitBytes, notIn] = [1, 2, 3, 4].map((place) => `$${2 * size + place}`);
  const unseen = filterSnapshot ? `and not pg_visible_in_snapshot(${xid}, ${notIn}::pg_snapshot)` : "";
  /** The part of a select that ends where the bytes do; its first row is always in it. */
  const cut = (from: string, each: string, place: string): string =>
    `select * from (
       select *, sum("${each}") over (order by ${key} rows unbounded preceding) as "${each} total",
              row_number() over (order by ${key} rows unbounded preceding) as "${place}"
         from (${from}) as sized
     ) as placed where "${each} total" <= ${limitBytes}::bigint or "${place}" = 1`;
  const sized = (from: string, expression: string, name: string): string =>
    `select *, case when "headstart wanted" then ${expression} else 0 end as "${name}" from (${from}) as page`;
  const ranged = `select *, (${types}::text[] is null or ${type} = any (${types}::text[])) as "headstart wanted"
     from ${table} where ${range} ${unseen} order by ${key} limit ${limitRows}::bigint`;
  const roughly = cut(sized(ranged, storedBytes, "headstart stored"), "headstart stored", "headstart place");
  const exactly =
    storedBytes === bytes
      ? roughly
      : cut(sized(roughly, bytes, "headstart bytes"), "headstart bytes", "headstart exact place");
  return `select ${era}, ${xid}::text, ${number}::text, ${stream}, ${version}, ${type},
       case when "headstart wanted" then ${data} end, (extract(epoch from ${recordedAt}) * 1000)::float8,
       "${storedBytes === bytes ? "headstart stored" : "headstart bytes"}"
  from (${exactly}) as page order by ${order.map((column) => `page.${column}`).join(", ")}`;
}

type PageRow = [
  era: number,
  xid: string,
  number: string,
  stream: string,
  version: string,
  type: string,
  data: string | null,
  recordedAt: number,
  bytes: string,
];

/** A position as the columns that a log is ordered by. */
function boundValues({ order }: LogColumns, { era, xid, number }: Position): (string | number)[] {
  return order.length === 1 ? [number.toString()] : [era, xid.toString(), number.toString()];
}

/** How many events come after a position, at most `cap`: an index scan that ends there. */
export async function countAfter(
  client: pg.ClientBase,
  columns: LogColumns,
  after: Position,
  cap: number,
): Promise<number> {
  const { table, order } = columns;
  const key = order.join(", ");
  const bound = order.length === 1 ? "$2::bigint" : "$2::integer, $3::xid8, $4::bigint";
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::integer as count from (select from ${table} where (${key}) > (${bound}) limit $1) as later`,
    [cap, ...boundValues(columns, after)],
  );
  return rows[0]?.count ?? 0;
}

/** One page, as text from the server: JSON is parsed by whoever needs it, and only then. */
export async function readPage(client: pg.ClientBase, columns: LogColumns, range: ReadRange): Promise<Page> {
  const { after, upTo, types, notIn, limitRows, limitBytes } = range;
  const { rows } = await client.query<PageRow>({
    text: pageQuery(columns, notIn !== undefined),
    rowMode: "array",
    values: [
      ...boundValues(columns, after),
      ...boundValues(columns, upTo),
      types ?? null,
      limitRows,
      limitBytes,
      ...(notIn === undefined ? [] : [notIn]),
    ],
  });
  let bytes = 0;
  const events = rows.map((row): RawEvent => {
    bytes += Number(row[8]);
    return {
      position: { era: row[0], xid: BigInt(row[1]), number: BigInt(row[2]) },
      stream: row[3],
      version: Number(row[4]),
      type: row[5],
      json: row[6] ?? undefined,
      recordedAt: new Date(row[7]),
    };
  });
  const final = events.at(-1);
  return { events, bytes, last: final === undefined || comparePositions(final.position, upTo) >= 0 };
}
