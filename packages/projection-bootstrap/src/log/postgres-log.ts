import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import { beginning, type Position } from "../position.ts";
import type { EventLog, Horizon } from "./event-log.ts";
import { type LogColumns, readPage, countAfter } from "./read-page.ts";
import { readServerIdentity } from "./server-identity.ts";

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
    countAfter: (client, after, cap) => countAfter(client, ownColumns, after, cap),
  };
}

/** The ordering that the database was given, which must be the one that this process expects. */
async function readOrdering(client: pg.ClientBase, expected: LogOrdering | undefined): Promise<LogOrdering> {
  const { rows } = await client.query<{ ordering: LogOrdering }>(
    "select ordering from headstart_projections.log_setting",
  );
  return checkOrdering(rows[0]?.ordering, expected);
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

async function readHorizon(client: pg.ClientBase, expected: LogOrdering | undefined): Promise<Horizon> {
  const { era, foreign } = await readServerIdentity(client);
  const ordering = await readOrdering(client, expected);
  const head = await lastBefore(client, undefined);
  const { rows } = await client.query<{ snapshot: string; xmin: string }>(
    "select pg_current_snapshot()::text as snapshot, pg_snapshot_xmin(pg_current_snapshot())::text as xmin",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the server told no snapshot");
  // With no writer open the head is final, and one look has told both.
  const settled = ordering === "serialized" || head.era < era || head.xid < BigInt(row.xmin);
  const fence = settled ? head : await lastBefore(client, { era, xmin: row.xmin });
  return { fence, head, snapshot: row.snapshot, foreign };
}

async function lastBefore(
  client: pg.ClientBase,
  bound: { era: number; xmin: string } | undefined,
): Promise<Position> {
  const { rows } = await client.query<{ era: number; xid: string; number: string }>(
    `select era, xid::text as xid, number::text as number
       from headstart_projections.event
      ${bound === undefined ? "" : "where (era, xid) < ($1::integer, $2::xid8)"}
      order by event.era desc, event.xid desc, event.number desc limit 1`,
    bound === undefined ? [] : [bound.era, bound.xmin],
  );
  const [row] = rows;
  if (row === undefined) return beginning;
  return { era: row.era, xid: BigInt(row.xid), number: BigInt(row.number) };
}
