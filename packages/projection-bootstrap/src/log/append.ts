import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import type { StoredEvent } from "./event-log.ts";
import { type LogOrdering, type PostgresLog, readOrdering } from "./postgres-log.ts";
import { readServerIdentity } from "./server-identity.ts";

export interface NewEvent {
  readonly type: string;
  /** Anything that JSON can say. */
  readonly data: unknown;
}

export interface AppendOptions {
  /** The version that the stream must have: 0 for a stream that must be new. @default any */
  readonly expectedVersion?: number | undefined;
}

export interface Appended {
  /** The stream's version after the append. */
  readonly version: number;
  readonly events: readonly StoredEvent[];
}

/** The locks that give appends their order; taken before anything is written, because writing takes the number. */
export async function lockForAppend(
  client: pg.ClientBase,
  stream: string,
  expected: LogOrdering | undefined,
): Promise<void> {
  const ordering = await readOrdering(client, expected);
  const lock = ordering === "serialized" ? "pg_advisory_xact_lock" : "pg_advisory_xact_lock_shared";
  await client.query(`select ${lock}(hashtextextended('headstart_projections.append', 0))`);
  await client.query(
    "select pg_advisory_xact_lock(hashtextextended('headstart_projections.stream:' || $1, 0))",
    [stream],
  );
}

/**
 * Writes events at the end of a stream. {@link lockForAppend} came first.
 *
 * @throws {ProjectionError} `VERSION_CONFLICT`, `APPEND_OUT_OF_ORDER`, `FOREIGN_CLUSTER`, `EVENT_INVALID`
 */
export async function writeEvents(
  client: pg.ClientBase,
  stream: string,
  events: readonly NewEvent[],
  { expectedVersion, log }: AppendOptions & { readonly log: PostgresLog },
): Promise<Appended> {
  const texts = events.map((event) => eventText(stream, event));
  const { era, foreign } = await readServerIdentity(client);
  if (foreign !== undefined) throw foreignCluster(foreign);
  await checkOrder(client, era);
  const version = await raiseVersion(client, { stream, era, by: events.length, expectedVersion });
  const first = version - events.length + 1;
  const { rows } = await client.query<{ xid: string; number: string; recorded_at: Date; version: string }>(
    `insert into headstart_projections.event (era, xid, stream, version, type, data)
     select $1, pg_current_xact_id(), $2, $3 + place - 1, type, data::json
       from unnest($4::text[], $5::text[]) with ordinality as given (type, data, place)
      order by place
     returning xid::text as xid, number::text as number, recorded_at, version::text as version`,
    [era, stream, first, events.map(({ type }) => type), texts],
  );
  if (log.channel !== undefined) await client.query("select pg_notify($1, '')", [log.channel]);
  const stored = rows.map((row): StoredEvent => {
    const index = Number(row.version) - first;
    const event = events[index] as NewEvent;
    return {
      position: { era, xid: BigInt(row.xid), number: BigInt(row.number) },
      stream,
      version: Number(row.version),
      type: event.type,
      data: JSON.parse(texts[index] as string) as unknown,
      recordedAt: row.recorded_at,
    };
  });
  return { version, events: stored };
}

function eventText(stream: string, { type, data }: NewEvent): string {
  const text = JSON.stringify(data) as string | undefined;
  if (text !== undefined && type !== "" && !type.includes("\0")) return text;
  throw new ProjectionError("EVENT_INVALID", `event ${JSON.stringify(type)} of ${stream} cannot be stored`, {
    hint: "give it a type and data that JSON can say, null at least",
  });
}

export function foreignCluster(reason: string): ProjectionError {
  return new ProjectionError("FOREIGN_CLUSTER", `this database was moved here: ${reason}`, {
    hint: "call restamp(pool) once, when nobody appends to the database that this one was copied from",
  });
}

/** In a serialized log, and across eras, a later append must not sort before an earlier one. */
async function checkOrder(client: pg.ClientBase, era: number): Promise<void> {
  const { rows } = await client.query<{ late: boolean }>(
    `select (select ordering from headstart_projections.log_setting) = 'serialized'
            and exists (select from headstart_projections.event where (era, xid) > ($1::integer, pg_current_xact_id())) as late`,
    [era],
  );
  if (rows[0]?.late === true) throw outOfOrder("the log");
}

interface Raise {
  readonly stream: string;
  readonly era: number;
  readonly by: number;
  readonly expectedVersion: number | undefined;
}

async function raiseVersion(client: pg.ClientBase, raise: Raise): Promise<number> {
  const { stream, era, by, expectedVersion } = raise;
  const found = await client.query<{ version: string; late: boolean }>(
    `select version::text as version, (stream.era, stream.xid) > ($2::integer, pg_current_xact_id()) as late
       from headstart_projections.stream where name = $1 for update`,
    [stream, era],
  );
  const current = Number(found.rows[0]?.version ?? 0);
  if (expectedVersion !== undefined && expectedVersion !== current) {
    throw new ProjectionError(
      "VERSION_CONFLICT",
      `stream ${stream} is at version ${current}, not at ${expectedVersion}`,
      { hint: "read the stream again, decide again, and append with the version that was read" },
    );
  }
  if (found.rows[0]?.late === true) throw outOfOrder(`stream ${stream}`);
  await client.query(
    `insert into headstart_projections.stream (name, version, era, xid)
     values ($1, $2, $3, pg_current_xact_id())
     on conflict (name) do update set version = excluded.version, era = excluded.era, xid = excluded.xid`,
    [stream, current + by, era],
  );
  return current + by;
}

export function outOfOrder(what: string): ProjectionError {
  return new ProjectionError(
    "APPEND_OUT_OF_ORDER",
    `${what} was appended to by a transaction that began to write after this one`,
    { hint: "run the transaction again, and append before it writes anything else" },
  );
}
