import type pg from "pg";
import { indexable, isIndexable } from "../database/indexed-text.ts";
import { ProjectionError } from "../errors.ts";
import type { StoredEvent } from "./event-log.ts";
import { checkOrdering, type LogOrdering, type PostgresLog } from "./postgres-log.ts";
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

/**
 * The locks that give appends their order; taken before anything is written, because writing takes the number. What
 * is read once they are held has to be what others left, which a transaction with one snapshot for all does not see.
 *
 * @throws {ProjectionError} `EVENT_INVALID` for a stream that cannot be named so, `ISOLATION_UNSUITABLE`,
 *   `LOG_ORDERING_DIFFERS`
 */
export async function lockForAppend(
  client: pg.ClientBase,
  stream: string,
  expected: LogOrdering | undefined,
): Promise<LogOrdering> {
  checkName(stream);
  const { rows } = await client.query<{ ordering: LogOrdering; isolation: string }>(
    `select ordering, current_setting('transaction_isolation') as isolation,
            case when ordering = 'serialized'
                 then pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))
                 else pg_advisory_xact_lock_shared(hashtextextended('headstart_projections.append', 0)) end,
            pg_advisory_xact_lock(hashtextextended('headstart_projections.stream:' || $1, 0))
       from headstart_projections.log_setting`,
    [stream],
  );
  const isolation = rows[0]?.isolation;
  if (isolation !== undefined && isolation !== "read committed") throw isolationUnsuitable(isolation);
  return checkOrdering(rows[0]?.ordering, expected);
}

function checkName(stream: string): void {
  if (isIndexable(stream)) return;
  throw new ProjectionError(
    "EVENT_INVALID",
    `no stream can be called ${JSON.stringify(stream).slice(0, 200)}`,
    {
      hint: `the name of a stream is ${indexable}`,
    },
  );
}

function isolationUnsuitable(isolation: string): ProjectionError {
  return new ProjectionError(
    "ISOLATION_UNSUITABLE",
    `nothing was appended: a ${isolation} transaction cannot see what was appended while it waited for its turn`,
    { hint: "begin the transaction with: begin isolation level read committed" },
  );
}

/** What the next event of a stream will say of itself. */
export interface NextEvent {
  readonly version: number;
  readonly recordedAt: Date;
}

/** {@link lockForAppend} came first, so that nobody else takes the version. Writes nothing, and takes no number. */
export async function readNext(client: pg.ClientBase, stream: string): Promise<NextEvent> {
  const { rows } = await client.query<{ version: string; recorded_at: Date }>(
    `select coalesce(max(version), 0)::text as version, date_trunc('milliseconds', clock_timestamp()) as recorded_at
       from headstart_projections.stream where name = $1`,
    [stream],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the server told no time");
  return { version: Number(row.version) + 1, recordedAt: row.recorded_at };
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
  {
    expectedVersion,
    log,
    ordering,
    newest = false,
    recordedAt,
  }: AppendOptions & {
    readonly log: PostgresLog;
    readonly ordering: LogOrdering;
    /** Whether no event may come after these, as in a serialized log. @default false */
    readonly newest?: boolean | undefined;
    /** @default the time at which each is written */
    readonly recordedAt?: Date | undefined;
  },
): Promise<Appended> {
  const texts = events.map((event) => eventText(stream, event));
  const { era, foreign } = await readServerIdentity(client);
  if (foreign !== undefined) throw foreignCluster(foreign);
  const current = await checkStream(client, { stream, era, ordering, newest, expectedVersion });
  const first = current + 1;
  const version = current + events.length;
  const { rows } = await client.query<{ xid: string; number: string; recorded_at: Date; version: string }>(
    `with raised as (
       insert into headstart_projections.stream (name, version, era, xid)
       values ($2, $6, $1, pg_current_xact_id())
       on conflict (name) do update set version = excluded.version, era = excluded.era, xid = excluded.xid
     ), written as (
       insert into headstart_projections.event (era, xid, stream, version, type, data, recorded_at)
       select $1, pg_current_xact_id(), $2, $3::bigint + place - 1, type, data::json,
              coalesce($8::timestamptz, clock_timestamp())
         from unnest($4::text[], $5::text[]) with ordinality as given (type, data, place)
        order by place
       returning event.xid, event.number, event.recorded_at, event.version
     )
     select xid::text as xid, number::text as number, recorded_at, version::text as version,
            (select pg_notify($7, '') where $7::text is not null) as notified
       from written order by written.version`,
    [
      era,
      stream,
      first,
      events.map(({ type }) => type),
      texts,
      version,
      log.channel ?? null,
      recordedAt ?? null,
    ],
  );
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
  if (text !== undefined && isType(type)) return text;
  throw new ProjectionError("EVENT_INVALID", `event ${JSON.stringify(type)} of ${stream} cannot be stored`, {
    hint: "give it a type without NUL and without half of a surrogate pair, and data that JSON can say, null at least",
  });
}

/** Anything else would come back from the database as another type. */
function isType(type: string): boolean {
  return type !== "" && !type.includes("\0") && type.isWellFormed();
}

export function foreignCluster(reason: string): ProjectionError {
  return new ProjectionError("FOREIGN_CLUSTER", `this database was moved here: ${reason}`, {
    hint: "call restamp(pool) once, when nobody appends to the database that this one was copied from",
  });
}

interface StreamCheck {
  readonly stream: string;
  readonly era: number;
  /** As it was when the locks were taken. */
  readonly ordering: LogOrdering;
  readonly newest: boolean;
  readonly expectedVersion: number | undefined;
}

/**
 * The stream's version, once it is certain that this append comes after every other one: in its stream, and in the
 * whole log where that is serialized or has to be so. Nobody else writes to the stream before this transaction ends.
 */
async function checkStream(client: pg.ClientBase, check: StreamCheck): Promise<number> {
  const { stream, era, ordering, newest, expectedVersion } = check;
  const { rows } = await client.query<{
    version: string;
    late: boolean;
    overtaken: boolean;
    ordering: LogOrdering;
  }>(
    `select setting.ordering, coalesce(stream.version, 0)::text as version,
            coalesce((stream.era, stream.xid) > ($2::integer, pg_current_xact_id()), false) as late,
            (setting.ordering = 'serialized' or $3) and exists (
              select from headstart_projections.event where (era, xid) > ($2::integer, pg_current_xact_id())
            ) as overtaken
       from headstart_projections.log_setting as setting
       left join headstart_projections.stream on stream.name = $1`,
    [stream, era, newest],
  );
  const [row] = rows;
  const current = Number(row?.version ?? 0);
  if (expectedVersion !== undefined && expectedVersion !== current) {
    throw new ProjectionError(
      "VERSION_CONFLICT",
      `stream ${stream} is at version ${current}, not at ${expectedVersion}`,
      { hint: "read the stream again, decide again, and append with the version that was read" },
    );
  }
  if (row?.late === true) throw outOfOrder(`stream ${stream}`);
  // The ordering may have been changed while this append waited for the lock of the former one.
  if (row?.overtaken === true || row?.ordering !== ordering) throw outOfOrder("the log");
  return current;
}

export function outOfOrder(what: string): ProjectionError {
  return new ProjectionError(
    "APPEND_OUT_OF_ORDER",
    `${what} was appended to by a transaction that began to write after this one`,
    { hint: "run the transaction again, and append before it writes anything else" },
  );
}
