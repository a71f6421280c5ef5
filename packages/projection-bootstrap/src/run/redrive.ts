import type { Settings } from "../boot/settings.ts";
import { refold } from "../boot/refold.ts";
import { takeConnection } from "../database/connection.ts";
import { inTransaction } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import type { RawEvent } from "../log/event-log.ts";
import type { Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { planStep } from "../projection/fold.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { BatchRows } from "../store/batch-rows.ts";
import { type Lease, leaseHeld, releaseLease, takeLease } from "../store/lease.ts";
import { listParked } from "../store/parked.ts";
import { getVersion, listVersions, type Version, versionFor } from "../store/version.ts";

export interface RedriveOptions {
  /** One key only; folded from the beginning of the log, whatever its row is now. @default all that are set aside */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Redriven {
  /** Keys whose rows hold all events again. */
  readonly repaired: readonly string[];
  /** Keys that still cannot be folded, and why. */
  readonly failed: readonly { readonly key: string; readonly error: string }[];
  /** Whether a fault that stopped the whole projection was lifted; the next run shows whether it is gone. */
  readonly faultLifted: boolean;
}

/**
 * Folds keys that are set aside again from the log, up to where the version stands. Needs no boot and no healthy
 * projection, only the rows and the log.
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
    const parked = await listParked(holder, version.id, key);
    const keys = [...new Set(key === undefined ? parked.map((each) => each.key) : [key])];
    const repaired: string[] = [];
    const failed: { key: string; error: string }[] = [];
    for (const each of keys) {
      signal?.throwIfAborted();
      const error = await refoldKey(each, { projection, settings, lease, signal });
      if (error === undefined) repaired.push(each);
      else failed.push({ key: each, error });
    }
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
  readonly signal: AbortSignal | undefined;
}

/** @returns why the key still cannot be folded, or undefined when its row is written */
async function refoldKey(
  key: string,
  { projection, settings, lease, signal }: Refolding,
): Promise<string | undefined> {
  const { pool, log, page } = settings;
  const inline = projection.mode === "inline";
  try {
    await inTransaction(pool, async (client) => {
      // Inline rows change with every append, so appends wait until the key is right.
      if (inline) {
        await client.query(
          "select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))",
        );
      }
      const version = await getVersion(client, lease.versionId, "for update");
      if (version === undefined || version.epoch !== lease.epoch)
        throw leaseHeld(projection.name, version?.leaseOwner);
      const upTo = inline ? (await log.horizon(client, undefined)).head : version.checkpoint;
      const last = new LastOf(projection, key);
      const map = await refold(client, {
        log: { ...log, read: async (on, range) => last.watch(await log.read(on, range)) },
        projection,
        upTo,
        only: (each) => each === key,
        limitRows: page.rows,
        limitBytes: page.bytes,
        signal,
      });
      const rows = new BatchRows(projection, lease.versionId);
      await rows.load(client, [key]);
      if (last.position !== undefined) rows.replace(key, map.get(key), last.position);
      const growth = await rows.flush(client);
      await client.query(
        "update headstart_projections.version set row_count = row_count + $2 where id = $1",
        [lease.versionId, inline ? 0 : growth],
      );
      await client.query("delete from headstart_projections.parked where version_id = $1 and key = $2", [
        lease.versionId,
        key,
      ]);
    });
    return undefined;
  } catch (error) {
    if (error instanceof ProjectionError && error.code !== "LEASE_HELD") return error.message;
    throw error;
  }
}

/** Notes the last event of one key while pages pass by. */
class LastOf {
  readonly #projection: Projection;
  readonly #key: string;
  position: Position | undefined;

  constructor(projection: Projection, key: string) {
    this.#projection = projection;
    this.#key = key;
  }

  watch<Read extends { readonly events: readonly RawEvent[] }>(page: Read): Read {
    for (const event of page.events) {
      if (planStep(this.#projection, event)?.keys.includes(this.#key) === true)
        this.position = event.position;
    }
    return page;
  }
}
