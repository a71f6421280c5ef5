import type pg from "pg";
import type { Settings } from "../boot/settings.ts";
import { type SurveyOptions, takeSurvey } from "../boot/survey.ts";
import type { ProjectionState } from "../boot/classify.ts";
import { inTransaction } from "../database/transaction.ts";
import { formatPosition, type Position } from "../position.ts";
import { lookAgain } from "../store/row-table.ts";
import type { Version, VersionStatus } from "../store/version.ts";

/** Events of lag that are counted, at most; the count is an index scan that ends there. */
const lagCap = 100_000;

export interface VersionStatusReport {
  readonly id: string;
  readonly status: VersionStatus;
  readonly identity: string;
  /** Undefined for rows that are kept inline. */
  readonly position: string | undefined;
  readonly rows: number;
  /** Who writes it now. */
  readonly writer: string | undefined;
  readonly parked: number;
  readonly fault: string | undefined;
  readonly reason: string;
}

export interface ProjectionStatus {
  readonly name: string;
  readonly state: ProjectionState;
  readonly reason: string;
  /** Events of the log that the rows of this code do not hold; 100,000 means that many or more. */
  readonly lagEvents: number | undefined;
  /** Age of the first of them. */
  readonly lagSeconds: number | undefined;
  readonly versions: readonly VersionStatusReport[];
}

export interface Status {
  readonly log: string;
  readonly head: string;
  /** Up to where readers may go; behind the head while transactions that write are open. */
  readonly fence: string;
  /** The oldest transaction that holds the fence back, if one does. */
  readonly blockedBy: Blocker | undefined;
  readonly projections: readonly ProjectionStatus[];
}

export interface Blocker {
  /** Undefined for a prepared transaction. */
  readonly pid: number | undefined;
  readonly database: string;
  readonly seconds: number;
  /** For example `idle in transaction`. */
  readonly state: string;
}

/** How everything stands, read in one snapshot. Changes nothing, and works whatever state things are in. */
export async function readStatus(settings: Settings): Promise<Status> {
  const settled = await settings.log.settle(settings.pool);
  return await lookAgain((missed) =>
    inTransaction(settings.pool, (client) => readWithin(client, settings, { settled, missed }), "snapshot"),
  );
}

async function readWithin(
  client: pg.ClientBase,
  settings: Settings,
  looking: Pick<SurveyOptions, "settled" | "missed">,
): Promise<Status> {
  const { log, projections } = settings;
  const survey = await takeSurvey(client, { log, projections, ...looking });
  const parked = await countParked(client);
  const reports: ProjectionStatus[] = [];
  for (const [projection, { state, reason, version }] of survey.found) {
    const { name } = projection;
    const versions = survey.versions
      .filter((each) => each.projection === name)
      .map((each) => describe(each, parked.get(each.id) ?? 0));
    const lag = version?.mode === "async" ? await readLag(client, settings, version.checkpoint) : undefined;
    reports.push({ name, state, reason, lagEvents: lag?.events, lagSeconds: lag?.seconds, versions });
  }
  return {
    log: log.name,
    head: formatPosition(survey.horizon.head),
    fence: formatPosition(survey.fence),
    blockedBy: await findBlocker(client),
    projections: reports,
  };
}

function describe(version: Version, parked: number): VersionStatusReport {
  const { id, status, identity, mode, checkpoint, rowCount, leaseOwner, fault, reason } = version;
  return {
    id,
    status,
    identity,
    position: mode === "inline" ? undefined : formatPosition(checkpoint),
    rows: rowCount,
    writer: leaseOwner,
    parked,
    fault: fault?.message,
    reason,
  };
}

async function countParked(client: pg.ClientBase): Promise<Map<string, number>> {
  const { rows } = await client.query<{ id: string; count: number }>(
    "select version_id::text as id, count(*)::integer as count from headstart_projections.parked group by version_id",
  );
  return new Map(rows.map(({ id, count }) => [id, count]));
}

async function readLag(
  client: pg.ClientBase,
  { log }: Settings,
  after: Position,
): Promise<{ events: number; seconds: number }> {
  const events = await log.countAfter(client, after, lagCap);
  if (events === 0) return { events, seconds: 0 };
  const end = { era: 2 ** 31 - 1, xid: 2n ** 64n - 1n, number: 2n ** 63n - 1n };
  const [first] = (await log.read(client, { after, upTo: end, types: [], limitRows: 1, limitBytes: 1 }))
    .events;
  const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
  const seconds = ((rows[0]?.now.getTime() ?? 0) - (first?.recordedAt.getTime() ?? 0)) / 1000;
  return { events, seconds: Math.max(0, seconds) };
}

/** Whoever has had a transaction number for longest: numbers belong to the server, so any database counts. */
async function findBlocker(client: pg.ClientBase): Promise<Blocker | undefined> {
  const { rows } = await client.query<{
    pid: number | null;
    database: string;
    seconds: number;
    state: string;
  }>(
    `select pid, datname as database, extract(epoch from clock_timestamp() - xact_start)::float8 as seconds, state
       from pg_stat_activity
      where backend_xid is not null and pid <> pg_backend_pid()
      union all
     select null, database, extract(epoch from clock_timestamp() - prepared)::float8, 'prepared'
       from pg_prepared_xacts
      order by seconds desc limit 1`,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return { ...row, pid: row.pid ?? undefined };
}
