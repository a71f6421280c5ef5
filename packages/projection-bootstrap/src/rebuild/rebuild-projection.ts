import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { lockMs } from "../database/brief-locks.ts";
import { takeConnection } from "../database/connection.ts";
import { transactionOn } from "../database/transaction.ts";
import { foreignCluster } from "../log/append.ts";
import type { EventLog, Horizon, ReadCount } from "../log/event-log.ts";
import { requireWhole } from "../log/require-whole.ts";
import { beginning, comparePositions, laterPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { type Advancing, advanceVersions, defaultPage, type PageLimits } from "../run/advance-versions.ts";
import { advanceCheckpoint } from "../store/advance.ts";
import { type Lease, leaseHeld, releaseLease, takeLease } from "../store/lease.ts";
import { getVersion, listVersions, type Version, type VersionStatus } from "../store/version.ts";
import { dropVersions } from "./drop-versions.ts";
import { openVersion } from "./open-version.ts";
import { activePosition, checkSettled, swapVersion } from "./swap-version.ts";

export interface RebuildProgress {
  readonly projection: string;
  /** Up to where the new rows are built. */
  readonly at: Position;
  /** Where they will be done. */
  readonly upTo: Position;
  /** Events read so far. */
  readonly events: number;
}

export interface RebuildOptions {
  readonly pool: pg.Pool;
  readonly log: EventLog;
  readonly owner: string;
  readonly leaseMs: number;
  /** Former versions to keep for a rollback. */
  readonly keep: number;
  readonly page?: PageLimits | undefined;
  /** Whether readers go over to the new rows once they are there. */
  readonly activate: boolean;
  readonly reason: string;
  /**
   * For a repair: another process may have made it since its need was seen, and then there is nothing to build. Names
   * the active version that will not do, if there is one. @default build in any case
   */
  readonly orActive?: { readonly otherThan: string | undefined } | undefined;
  /** What becomes of the rows that are replaced. @default "retired": a rollback can go back to them */
  readonly previous?: Extract<VersionStatus, "retired" | "abandoned"> | undefined;
  /** What to do while another process builds the same. @default "wait" */
  readonly whenHeld?: "wait" | "fail" | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RebuildProgress) => void) | undefined;
}

export interface Rebuilt {
  readonly projection: string;
  readonly versionId: string;
  readonly active: boolean;
  /** Up to where the rows go. */
  readonly position: Position;
  readonly read: ReadCount;
  /** Former versions that were dropped. */
  readonly dropped: readonly string[];
}

/**
 * Builds a projection's rows beside those that are in use, and swaps them in one transaction. What an earlier
 * attempt built is continued.
 *
 * @throws {ProjectionError} `POISON_EVENT`, `LEASE_HELD`, `LEASE_LOST`, `FOREIGN_CLUSTER`, `LOG_UNSETTLED`,
 *   `POSITION_MISSED` when the log was cut
 */
export async function rebuildProjection(projection: Projection, options: RebuildOptions): Promise<Rebuilt> {
  const { pool, log, reason, keep, signal } = options;
  const identity = await projectorIdentity(projection);
  const version = await openVersion(pool, {
    projection: projection.name,
    mode: projection.mode,
    identity,
    log: log.name,
    reason,
    orActive: options.orActive,
  });
  const read: ReadCount = { rows: 0, bytes: 0, pages: 0 };
  const position = await buildHeld(projection, version, { read, options });
  if (position === undefined) return await finishedByOther(version, options, read);
  const dropped = options.activate
    ? await dropVersions(pool, { projection: projection.name, keep }, signal)
    : [];
  return {
    projection: projection.name,
    versionId: version.id,
    active: options.activate,
    position,
    read,
    dropped,
  };
}

/** Builds under the version's lease; undefined once another process has finished it. */
async function buildHeld(
  projection: Projection,
  version: Version,
  { read, options }: Pick<Building, "read" | "options">,
): Promise<Position | undefined> {
  if (version.status === "active") return undefined;
  const { client: holder, release } = await takeConnection(options.pool);
  let broken = true;
  try {
    const lease = await waitForLease(holder, version, options);
    if (lease !== undefined) {
      const position = await buildVersion({ projection, holder, lease, read, options });
      if (!options.activate) await markBuilt(holder, lease);
      await releaseLease(holder, lease);
      broken = false;
      return position;
    }
    broken = false;
    return undefined;
  } finally {
    // A session that may still hold the lease's lock is closed, which gives it up.
    release(broken);
  }
}

interface Building {
  readonly projection: Projection;
  /** The connection that the lease lives on; everything is written on it. */
  readonly holder: pg.ClientBase;
  readonly lease: Lease;
  readonly read: ReadCount;
  readonly options: RebuildOptions;
}

/** The lease; undefined once another process has finished the version. */
async function waitForLease(
  holder: pg.ClientBase,
  version: Version,
  { owner, leaseMs, whenHeld = "wait", signal }: RebuildOptions,
): Promise<Lease | undefined> {
  for (;;) {
    signal?.throwIfAborted();
    const lease = await takeLease(holder, { versionId: version.id, owner, leaseMs });
    const now = await getVersion(holder, version.id);
    if (now === undefined || (now.status !== "building" && now.status !== "built")) {
      if (lease !== undefined) await releaseLease(holder, lease);
      return undefined;
    }
    if (lease !== undefined) return lease;
    if (whenHeld === "fail") throw leaseHeld(version.projection, now.leaseOwner);
    await delay(50, undefined, { signal });
  }
}

async function finishedByOther(version: Version, options: RebuildOptions, read: ReadCount): Promise<Rebuilt> {
  const now = await getVersion(options.pool, version.id);
  if (now?.status !== "active") return await Promise.reject(leaseHeld(version.projection, now?.leaseOwner));
  const { projection, id: versionId, checkpoint: position } = now;
  return { projection, versionId, active: true, position, read, dropped: [] };
}

/**
 * Folds pass after pass while everybody works, each to the end that the log has by then, until no more than a page
 * is left, which the swap takes.
 */
async function buildVersion(building: Building): Promise<Position> {
  const { projection, holder, lease, options, read: count } = building;
  const { log, page, previous = "retired", signal } = options;
  const version = await getVersion(holder, lease.versionId);
  if (version === undefined) throw leaseHeld(projection.name, undefined);
  const target: Advancing = { projection, lease, checkpoint: version.checkpoint };
  const limits = { limitRows: page?.rows ?? defaultPage.rows, limitBytes: page?.bytes ?? defaultPage.bytes };
  for (let wait = lockMs.first; ;) {
    const from = target.checkpoint;
    const horizon = await readFence(building, comparePositions(from, beginning) === 0);
    await advance(target, await passEnd(horizon.fence, building), building);
    if (!options.activate) {
      checkSettled(target.checkpoint, horizon, log);
      return target.checkpoint;
    }
    const { checkpoint } = target;
    if (await isNear(checkpoint, limits.limitRows, building)) {
      const swap = { log, projection, lease, checkpoint, horizon, previous, ...limits, lockMs: wait, count };
      const position = await swapVersion(holder, swap);
      if (position !== undefined) return position;
    }
    if (comparePositions(from, checkpoint) < 0) continue;
    // Somebody's transaction is in the way: of the fence, or of a lock.
    await delay(wait * lockMs.rest, undefined, { signal });
    wait = Math.min(wait * 2, lockMs.longest);
    await advanceCheckpoint(holder, lease, { from: checkpoint, to: checkpoint, scanned: 0, growth: 0 });
  }
}

/** What rows in use hold is final, also where the log could not tell the present fence in time. */
async function passEnd(fence: Position, { projection, holder, options }: Building): Promise<Position> {
  const { log, previous = "retired" } = options;
  const active = (await listVersions(holder, [projection.name])).find(({ status }) => status === "active");
  return laterPosition(fence, activePosition(active, { log, previous }) ?? fence);
}

/** Whether a swap for which appends have to wait would be short. */
async function isNear(
  checkpoint: Position,
  limit: number,
  { projection, holder, options }: Building,
): Promise<boolean> {
  if (projection.mode === "async") return true;
  return (await options.log.countAfter(holder, checkpoint, limit + 1)) <= limit;
}

async function readFence({ holder, options }: Building, fromStart: boolean): Promise<Horizon> {
  const { log, signal } = options;
  const settled = await log.settle(holder, signal);
  const horizon = await transactionOn(
    holder,
    async (client) => {
      if (fromStart) await requireWhole(client, log);
      return await log.horizon(client, settled);
    },
    "snapshot",
  );
  if (horizon.foreign !== undefined) throw foreignCluster(horizon.foreign);
  return horizon;
}

async function advance(
  target: Advancing,
  upTo: Position,
  { holder, options, read }: Building,
): Promise<void> {
  const { pool, log, page, signal, onProgress } = options;
  if (comparePositions(target.checkpoint, upTo) >= 0) return;
  const onPage = (at: Position): void =>
    onProgress?.({ projection: target.projection.name, at, upTo, events: read.rows });
  const from = { client: holder, pool, log, page };
  await advanceVersions([target], { ...from, upTo, policy: "strict", count: read, signal, onPage });
  if (target.error !== undefined) throw target.error as Error;
}

async function markBuilt(client: pg.ClientBase, { versionId, epoch }: Lease): Promise<void> {
  await client.query(
    "update headstart_projections.version set status = 'built' where id = $1 and epoch = $2 and status = 'building'",
    [versionId, epoch.toString()],
  );
}
