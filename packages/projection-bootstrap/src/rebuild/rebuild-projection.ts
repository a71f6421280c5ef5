import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { takeConnection } from "../database/connection.ts";
import { inTransaction } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import { foreignCluster } from "../log/append.ts";
import type { EventLog, Horizon, ReadCount } from "../log/event-log.ts";
import { requireWhole } from "../log/require-whole.ts";
import { beginning, comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { type Advancing, advanceVersions, defaultPage, type PageLimits } from "../run/advance-versions.ts";
import { advanceWithin } from "../run/advance-within.ts";
import { type Lease, leaseHeld, releaseLease, takeLease } from "../store/lease.ts";
import { getVersion, type Version, type VersionStatus } from "../store/version.ts";
import { activate, holdsLease, lockActivation, lockActive } from "./activate.ts";
import { dropVersions } from "./drop-versions.ts";
import { openVersion } from "./open-version.ts";

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
  const { pool, log, reason, keep } = options;
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
  if (version.status === "active") return await finishedByOther(version, options, read);
  const { client: holder, release } = await takeConnection(pool);
  let broken = true;
  try {
    const lease = await waitForLease(holder, version, options);
    if (lease === undefined) return await finishedByOther(version, options, read);
    const building: Building = { projection, lease, read, options };
    const position = await buildVersion(building);
    if (!options.activate) await markBuilt(holder, lease);
    await releaseLease(holder, lease);
    broken = false;
    const dropped = options.activate ? await dropVersions(pool, { projection: projection.name, keep }) : [];
    return {
      projection: projection.name,
      versionId: version.id,
      active: options.activate,
      position,
      read,
      dropped,
    };
  } finally {
    // A session that may still hold the lease's lock is closed, which gives it up.
    release(broken);
  }
}

interface Building {
  readonly projection: Projection;
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

async function buildVersion(building: Building): Promise<Position> {
  const { projection, lease, options } = building;
  const version = await getVersion(options.pool, lease.versionId);
  if (version === undefined) throw leaseHeld(projection.name, undefined);
  const target: Advancing = { projection, lease, checkpoint: version.checkpoint };
  const fromStart = comparePositions(target.checkpoint, beginning) === 0;
  const horizon = await readFence(options, fromStart);
  await advance(target, horizon.fence, building);
  if (!options.activate) {
    checkSettled(target, horizon, options);
    return target.checkpoint;
  }
  return await inTransaction(options.pool, async (client) => {
    if (projection.mode === "inline") {
      await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
    }
    await lockActivation(client, projection.name);
    const active = await lockActive(client, projection.name);
    const upTo = await swapPosition(client, active, building);
    if (upTo !== undefined && comparePositions(target.checkpoint, upTo) < 0) {
      const { rows: limitRows = defaultPage.rows, bytes: limitBytes = defaultPage.bytes } =
        options.page ?? {};
      const { checkpoint: from } = target;
      const { log } = options;
      await advanceWithin(client, {
        log,
        projection,
        lease,
        from,
        upTo,
        limitRows,
        limitBytes,
        count: building.read,
      });
      target.checkpoint = upTo;
    }
    checkSettled(target, horizon, options);
    if (!(await holdsLease(client, lease))) {
      throw new ProjectionError("LEASE_LOST", `another process took over the rebuild of ${projection.name}`, {
        hint: "nothing was swapped; the process that took over will do it",
      });
    }
    // Nobody keeps inline rows any more once others took their place, so nobody can go back to them either.
    const previous = projection.mode === "inline" ? "abandoned" : (options.previous ?? "retired");
    await activate(client, { projection: projection.name, versionId: lease.versionId, previous });
    return target.checkpoint;
  });
}

/**
 * Where the new rows have to be at the swap: nowhere before the old ones, so that no reader goes back in time. With
 * appends held up, everything that is visible is final, and inline rows take all of it.
 */
async function swapPosition(
  client: pg.ClientBase,
  active: Version | undefined,
  { projection, options }: Building,
): Promise<Position | undefined> {
  if (projection.mode === "inline") return (await options.log.horizon(client, undefined)).head;
  if (active === undefined || active.mode === "inline" || active.log !== options.log.name) return undefined;
  if (options.previous === "abandoned") return undefined;
  return active.checkpoint;
}

/** Where a log cannot tell what is final while somebody writes, rows without a single event would pass for whole. */
function checkSettled({ checkpoint }: Advancing, { head }: Horizon, { log }: RebuildOptions): void {
  const none = comparePositions(checkpoint, beginning) === 0 && comparePositions(head, beginning) > 0;
  if (!none || log.inline) return;
  throw new ProjectionError(
    "LOG_UNSETTLED",
    `somebody was writing to ${log.name} all the time, so none of its events is known to be final`,
    { hint: "end that transaction (pg_stat_activity names it), or pass a greater settleMs to adoptLog()" },
  );
}

async function readFence({ pool, log, signal }: RebuildOptions, fromStart: boolean): Promise<Horizon> {
  const settled = await log.settle(pool, signal);
  const horizon = await inTransaction(
    pool,
    async (client) => {
      if (fromStart) await requireWhole(client, log);
      return await log.horizon(client, settled);
    },
    "snapshot",
  );
  if (horizon.foreign !== undefined) throw foreignCluster(horizon.foreign);
  return horizon;
}

async function advance(target: Advancing, upTo: Position, { options, read }: Building): Promise<void> {
  const { pool, log, page, signal, onProgress } = options;
  if (comparePositions(target.checkpoint, upTo) >= 0) return;
  const onPage = (at: Position): void =>
    onProgress?.({ projection: target.projection.name, at, upTo, events: read.rows });
  await advanceVersions([target], { pool, log, upTo, page, policy: "strict", count: read, signal, onPage });
  if (target.error !== undefined) throw target.error as Error;
}

async function markBuilt(client: pg.ClientBase, { versionId, epoch }: Lease): Promise<void> {
  await client.query(
    "update headstart_projections.version set status = 'built' where id = $1 and epoch = $2 and status = 'building'",
    [versionId, epoch.toString()],
  );
}
