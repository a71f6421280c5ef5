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
  readonly bytes: string;
  readonly recordedAt: string;
  /** What the range is a comparison of: columns of one index, in its order. */
  readonly order: readonly string[];
}

/**
 * The page query. The innermost select is a plain range scan of the order's index with a row limit: filtering by
 * type there would let the planner leave that index for a worse one. Types and bytes are looked at outside of it.
 */
export function pageQuery(columns: LogColumns, filterSnapshot: boolean): string {
  const { table, era, xid, number, stream, version, type, data, bytes, recordedAt, order } = columns;
  const key = order.join(", ");
  const size = order.length;
  const bound = (first: number): string =>
    size === 1 ? `$${first}::bigint` : `$${first}::integer, $${first + 1}::xid8, $${first + 2}::bigint`;
  const range = `(${key}) > (${bound(1)}) and (${key}) <= (${bound(1 + size)})`;
  const [types, limitRows, limitBytes, notIn] = [1, 2, 3, 4].map((place) => `$${2 * size + place}`);
  const unseen = filterSnapshot ? `and not pg_visible_in_snapshot(${xid}, ${notIn}::pg_snapshot)` : "";
  return `select era, xid, number, stream, version, type, case when wanted then data end,
       (extract(epoch from recorded_at) * 1000)::float8, bytes
  from (
    select *, sum(bytes) over in_order as total, row_number() over in_order as place
      from (
        select ${era} as era, ${xid}::text as xid, ${number}::text as number, ${stream} as stream,
               ${version} as version, ${type} as type, ${data} as data, ${recordedAt} as recorded_at, "headstart wanted" as wanted,
               case when "headstart wanted" then ${bytes} else 0 end as bytes${order.map((column, index) => `, ${column} as order_${index}`).join("")}
          from (
            select *, (${types}::text[] is null or ${type} = any (${types}::text[])) as "headstart wanted"
              from ${table} where ${range} ${unseen} order by ${key} limit ${limitRows}::bigint
          ) as ranged
      ) as page
    window in_order as (order by ${order.map((_column, index) => `order_${index}`).join(", ")} rows unbounded preceding)
  ) as bounded
 where total <= ${limitBytes}::bigint or place = 1
 order by place`;
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
