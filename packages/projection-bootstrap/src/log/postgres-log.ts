import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import { beginning, type Position } from "../position.ts";
import type { EventLog, FoldedTo, Horizon } from "./event-log.ts";
import { type LogColumns, readPage, countAfter } from "./read-page.ts";
import { identityQuery, type IdentityRow, serverIdentity } from "./server-identity.ts";

/**
 * `xid-fence`: appenders never wait for each other, readers wait for the oldest open transaction.
 * `serialized`: appenders queue, readers wait for nobody.
 */
export type LogOrdering = "xid-fence" | "serialized";

export interface PostgresLogOptions {
  /**
   * How the order is kept. The first process to use the database decides it; {@link changeOrdering} changes it.
   *
   * @default what the database says, or "xid-fence" in a new one
   */
  readonly ordering?: LogOrdering | undefined;
  /**
   * Whether an append wakes those who follow. Postgres commits transactions that notify one after the other, so a
   * log with very many writers may do without; followers then find events by polling.
   *
   * @default true
   */
  readonly notify?: boolean | undefined;
}

/** The event log that this package keeps in the schema `headstart_projections`. */
export interface PostgresLog extends EventLog {
  readonly ordering: LogOrdering | undefined;
  readonly inline: true;
}

export const ownColumns: LogColumns = {
  table: "headstart_projections.event",
  era: "era",
  xid: "xid",
  number: "number",
  stream: "stream",
  version: "version",
  type: "type",
  data: "data::text",
  bytes: "bytes",
  storedBytes: "bytes",
  recordedAt: "recorded_at",
  order: ["era", "xid", "number"],
};

/** Describes the log; nothing is connected or created by it. */
export function postgresLog({ ordering, notify = true }: PostgresLogOptions = {}): PostgresLog {
  return {
    name: "headstart",
    channel: notify ? "headstart_projections" : undefined,
    ordering,
    inline: true,
    settle: () => Promise.resolve(undefined),
    horizon: (client) => readHorizon(client, ordering),
    read: (client, range) => readPage(client, ownColumns, range),
    isCut: (client, from) => (from === undefined ? isCut(client) : isCutBeyond(client, from)),
    countAfter: (client, after, cap) => countAfter(client, ownColumns, after, cap),
  };
}

/** @throws {ProjectionError} `LOG_ORDERING_DIFFERS` */
export function checkOrdering(
  found: LogOrdering | undefined,
  expected: LogOrdering | undefined,
): LogOrdering {
  const ordering = found ?? expected ?? "xid-fence";
  if (expected !== undefined && ordering !== expected) {
    throw new ProjectionError(
      "LOG_ORDERING_DIFFERS",
      `this process expects the log to be ordered by ${expected}, but the database says ${ordering}`,
      { hint: `pass { ordering: "${ordering}" } to postgresLog(), or call changeOrdering() once` },
    );
  }
  return ordering;
}

interface HorizonRow extends IdentityRow {
  readonly ordering: LogOrdering | null;
  readonly snapshot: string;
  readonly xmin: string;
  /** Null in an empty log. */
  readonly head_era: number | null;
  readonly head_xid: string;
  readonly head_number: string;
}

/** Of the bigint column that numbers events: comes after every event of its transaction. */
const lastNumber = "9223372036854775807";

/**
 * All that a snapshot says of the log. Where all events were read and cut off, it ends where its streams do. One round trip, because each boot makes it. */
const horizonQuery = `
  with identity as (${identityQuery}),
       last as (select era as head_era, xid::text as head_xid, number::text as head_number
                  from headstart_projections.event
                 order by event.era desc, event.xid desc, event.number desc limit 1),
       head as (select * from last
                union all
                (select era, xid::text, '${lastNumber}' from headstart_projections.stream
                  where version > 0 and not exists (select from last)
                  order by stream.era desc, stream.xid desc limit 1))
  select identity.*, head.*, (select ordering from headstart_projections.log_setting) as ordering,
         pg_current_snapshot()::text as snapshot, pg_snapshot_xmin(pg_current_snapshot())::text as xmin
    from identity left join head on true`;

async function readHorizon(client: pg.ClientBase, expected: LogOrdering | undefined): Promise<Horizon> {
  const { rows } = await client.query<HorizonRow>(horizonQuery);
  const [row] = rows;
  const { era, foreign } = serverIdentity(row);
  if (row === undefined) throw new Error("the server told no snapshot");
  const ordering = checkOrdering(row.ordering ?? undefined, expected);
  const { head_era, head_xid, head_number, xmin, snapshot } = row;
  const head =
    head_era === null ? beginning : { era: head_era, xid: BigInt(head_xid), number: BigInt(head_number) };
  // With no writer open the head is final, and one look has told both.
  const settled = ordering === "serialized" || head.era < era || head.xid < BigInt(xmin);
  const fence = settled ? head : await lastBefore(client, { era, xmin });
  return { fence, head, snapshot, foreign };
}

/**
 * Every stream begins with version 1. One that does not, or that has nothing though its last writer came before the
 * first event there is, was cut.
 */
async function isCut(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ cut: boolean }>(
    `with first as (select era, xid from headstart_projections.event
                     order by event.era, event.xid, event.number limit 1)
     select exists (
       select from headstart_projections.stream
        where version > 0
          and not exists (select from headstart_projections.event where stream = name and event.version = 1)
          and (exists (select from headstart_projections.event where stream = name)
               or not exists (select from first where (first.era, first.xid) <= (stream.era, stream.xid)))
     ) as cut`,
  );
  return rows[0]?.cut === true;
}

/**
 * Logs are cut from their beginning. As long as an event is there that the fold has, none is missing after it; else
 * streams tell how many there were in all.
 */
async function isCutBeyond(client: pg.ClientBase, { checkpoint, scanned }: FoldedTo): Promise<boolean> {
  const { rowCount } = await client.query(
    `select where case when exists (select from headstart_projections.event
                                     where (era, xid, number) <= ($1::integer, $2::xid8, $3::bigint)) then false
                       else (select coalesce(sum(version), 0) from headstart_projections.stream) - $4
                            > (select count(*) from headstart_projections.event) end`,
    [checkpoint.era, checkpoint.xid.toString(), checkpoint.number.toString(), scanned],
  );
  return rowCount === 1;
}

async function lastBefore(client: pg.ClientBase, bound: { era: number; xmin: string }): Promise<Position> {
  const { rows } = await client.query<{ era: number; xid: string; number: string }>(
    `select era, xid::text as xid, number::text as number
       from headstart_projections.event
      where (era, xid) < ($1::integer, $2::xid8)
      order by event.era desc, event.xid desc, event.number desc limit 1`,
    [bound.era, bound.xmin],
  );
  const [row] = rows;
  if (row === undefined) return beginning;
  return { era: row.era, xid: BigInt(row.xid), number: BigInt(row.number) };
}
