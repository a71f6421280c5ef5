import type pg from "pg";
import type { Settings } from "../boot/settings.ts";
import { takeConnection } from "../database/connection.ts";
import { transactionOn } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import { beginning } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { BatchRows } from "../store/batch-rows.ts";
import { type Lease, leaseHeld, releaseLease, takeLease } from "../store/lease.ts";
import { listParked } from "../store/parked.ts";
import { getVersion, listVersions, type Version, versionFor } from "../store/version.ts";
import { type RefoldedKeys, refoldKeys } from "./refold-keys.ts";

export interface RedriveOptions {
  /** One key only; folded from the beginning of the log, whatever its row is now. @default all that are set aside */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Redriven {
  /** Keys whose rows hold all events again; one that the log has no event for has no row any more. */
  readonly repaired: readonly string[];
  /** Keys that still cannot be folded, and why. */
  readonly failed: readonly { readonly key: string; readonly error: string }[];
  /** Whether a fault that stopped the whole projection was lifted; the next run shows whether it is gone. */
  readonly faultLifted: boolean;
}

/**
 * Folds keys that are set aside again from the log, up to where the version stands. Needs no boot and no healthy
 * projection, only the rows and the log.
 *
 * @throws {ProjectionError} `PROJECTION_REFUSED`, `LEASE_HELD`, `POSITION_MISSED` when the log was cut, `POISON_EVENT`
 *   when not even an event's key can be told
 */
export async function redrive(
  projection: Projection,
  settings: Settings,
  { key, signal }: RedriveOptions = {},
): Promise<Redriven> {
  const { pool, owner, leaseMs } = settings;
  const version = await findVersion(projection, settings);
  const { client: holder, release } = await takeConnection(pool);
  let broken = true;
  try {
    const lease = await takeLease(holder, { versionId: version.id, owner, leaseMs });
    if (lease === undefined) throw leaseHeld(projection.name, version.leaseOwner);
    const { repaired, failed } = await refoldWithin(holder, { projection, settings, lease, key, signal });
    const { rowCount } = await holder.query(
      "update headstart_projections.version set fault = null where id = $1 and epoch = $2 and fault is not null",
      [version.id, lease.epoch.toString()],
    );
    await releaseLease(holder, lease);
    broken = false;
    return { repaired, failed, faultLifted: rowCount === 1 };
  } finally {
    release(broken);
  }
}

async function findVersion(projection: Projection, { pool, log }: Settings): Promise<Version> {
  const { name, mode } = projection;
  const identity = await projectorIdentity(projection);
  const found = versionFor(await listVersions(pool, [name]), {
    projection: name,
    identity,
    log: log.name,
    mode,
  });
  if (found !== undefined) return found;
  throw new ProjectionError("PROJECTION_REFUSED", `there are no rows of ${name} that this code may change`, {
    hint: `call rebuild("${name}"), which leaves behind what other code had set aside`,
  });
}

interface Refolding {
  readonly projection: Projection;
  readonly settings: Settings;
  readonly lease: Lease;
  readonly key: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** All keys in one transaction, and one pass over the log; each that cannot be folded stays as it was. */
async function refoldWithin(
  holder: pg.ClientBase,
  { projection, settings, lease, key, signal }: Refolding,
): Promise<Pick<Redriven, "repaired" | "failed">> {
  const { log, page } = settings;
  const inline = projection.mode === "inline";
  return await transactionOn(holder, async (client) => {
    // Inline rows change with every append, so appends wait until the keys are right.
    if (inline) {
      await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
    }
    const version = await getVersion(client, lease.versionId, "for update");
    if (version === undefined || version.epoch !== lease.epoch)
      throw leaseHeld(projection.name, version?.leaseOwner);
    const parked = await listParked(client, version.id);
    const keys = new Set(key === undefined ? parked.map((each) => each.key) : [key]);
    if (keys.size === 0) return { repaired: [], failed: [] };
    const upTo = inline ? (await log.horizon(client, undefined)).head : version.checkpoint;
    const limits = { limitRows: page.rows, limitBytes: page.bytes };
    const folded = await refoldKeys(client, { log, projection, keys, upTo, parked, ...limits, signal });
    const repaired = [...keys].filter((each) => !folded.failed.has(each));
    await writeRepaired(client, { projection, lease, repaired, folded });
    return { repaired, failed: [...folded.failed].map(([each, error]) => ({ key: each, error })) };
  });
}

interface Repaired {
  readonly projection: Projection;
  readonly lease: Lease;
  readonly repaired: readonly string[];
  readonly folded: RefoldedKeys;
}

async function writeRepaired(
  client: pg.ClientBase,
  { projection, lease, repaired, folded }: Repaired,
): Promise<void> {
  const rows = new BatchRows(projection, lease.versionId);
  await rows.load(client, repaired);
  for (const each of repaired) {
    const row = folded.rows.get(each);
    if (row !== undefined) rows.replace(each, row.state, row.position);
    // The log never had an event for this one, so it is nobody's.
    else if (rows.storedAt(each) !== undefined) rows.replace(each, undefined, beginning);
  }
  const growth = await rows.flush(client);
  await client.query("update headstart_projections.version set row_count = row_count + $2 where id = $1", [
    lease.versionId,
    projection.mode === "inline" ? 0 : growth,
  ]);
  await client.query(
    "delete from headstart_projections.parked where version_id = $1 and key = any ($2::text[])",
    [lease.versionId, repaired],
  );
}
