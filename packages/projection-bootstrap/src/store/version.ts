import type pg from "pg";
import type { Position } from "../position.ts";

export type VersionStatus = "building" | "built" | "active" | "retired" | "rolled-back" | "abandoned";

/** Why a version cannot go on: an event of which not even the key can be told. */
export interface Fault {
  readonly position: string;
  readonly message: string;
}

/** The rows that one projector made of one log, as `headstart_projections.version` describes them. */
export interface Version {
  readonly id: string;
  readonly projection: string;
  readonly identity: string;
  readonly log: string;
  readonly mode: "async" | "inline";
  readonly status: VersionStatus;
  /** Everything up to here is in the rows; of no meaning for rows that are kept inline. */
  readonly checkpoint: Position;
  readonly scanned: number;
  readonly rowCount: number;
  readonly fault: Fault | undefined;
  readonly epoch: bigint;
  readonly leaseOwner: string | undefined;
  readonly reason: string;
  readonly advancedAt: Date;
  /** Identities of other projectors that may use the rows. */
  readonly accepted: readonly string[];
}

interface VersionRow {
  id: string;
  projection: string;
  identity: string;
  log: string;
  mode: "async" | "inline";
  status: VersionStatus;
  era: number;
  xid: string;
  number: string;
  scanned: string;
  row_count: string;
  fault: Fault | null;
  epoch: string;
  lease_owner: string | null;
  reason: string;
  advanced_at: Date;
  accepted: string[];
}

const select = `
  select id::text as id, projection, identity, log, mode, status, era, xid::text as xid, number::text as number,
         scanned::text as scanned, row_count::text as row_count, fault, epoch::text as epoch,
         case when lease_until > clock_timestamp() then lease_owner end as lease_owner, reason, advanced_at,
         array(select acceptance.identity from headstart_projections.acceptance
                where acceptance.version_id = version.id order by 1) as accepted
    from headstart_projections.version`;

function toVersion(row: VersionRow): Version {
  return {
    id: row.id,
    projection: row.projection,
    identity: row.identity,
    log: row.log,
    mode: row.mode,
    status: row.status,
    checkpoint: { era: row.era, xid: BigInt(row.xid), number: BigInt(row.number) },
    scanned: Number(row.scanned),
    rowCount: Number(row.row_count),
    fault: row.fault ?? undefined,
    epoch: BigInt(row.epoch),
    leaseOwner: row.lease_owner ?? undefined,
    reason: row.reason,
    advancedAt: row.advanced_at,
    accepted: row.accepted,
  };
}

/** All versions of the named projections, newest first; of all projections without names. */
export async function listVersions(
  client: pg.ClientBase | pg.Pool,
  projections?: readonly string[],
): Promise<Version[]> {
  const { rows } = await client.query<VersionRow>(
    `${select} where $1::text[] is null or projection = any ($1::text[]) order by version.id desc`,
    [projections ?? null],
  );
  return rows.map(toVersion);
}

/** Versions that readers saw before, and left for newer rows or in a rollback; what they left last comes first. */
export async function formerVersions(
  client: pg.ClientBase,
  projection: string,
  status: Extract<VersionStatus, "retired" | "rolled-back">,
): Promise<Version[]> {
  const { rows } = await client.query<VersionRow>(
    // By the time and not by the id: rows may be begun long before readers see them, and a rollback brings old ones back.
    `${select} where projection = $1 and status = $2 order by version.retired_at desc`,
    [projection, status],
  );
  return rows.map(toVersion);
}

export async function getVersion(
  client: pg.ClientBase | pg.Pool,
  id: string,
  lock: "" | "for update" = "",
): Promise<Version | undefined> {
  const { rows } = await client.query<VersionRow>(`${select} where id = $1 ${lock}`, [id]);
  return rows[0] === undefined ? undefined : toVersion(rows[0]);
}

/** The version whose rows a projector with this identity may use, the best first; abandoned ones never. */
export function versionFor(
  versions: readonly Version[],
  { projection, identity, log, mode }: Pick<Version, "projection" | "identity" | "log" | "mode">,
): Version | undefined {
  const usable = versions.filter(
    (version) =>
      version.projection === projection &&
      version.log === log &&
      version.mode === mode &&
      version.status !== "abandoned" &&
      // Appends keep one inline version only; what they kept before stands still.
      !(mode === "inline" && (version.status === "retired" || version.status === "rolled-back")) &&
      (version.identity === identity || version.accepted.includes(identity)),
  );
  const order: readonly VersionStatus[] = ["active", "built", "rolled-back", "retired", "building"];
  return usable.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0];
}
