import type pg from "pg";
import type { Settings } from "../boot/settings.ts";
import { takeConnection } from "../database/connection.ts";
import { inTransaction } from "../database/transaction.ts";
import { foreignCluster } from "../log/append.ts";
import type { ReadCount } from "../log/event-log.ts";
import { comparePositions, formatPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { rebuildProjection } from "../rebuild/rebuild-projection.ts";
import { releaseLease, takeLease } from "../store/lease.ts";
import { listVersions, type Version, versionFor } from "../store/version.ts";
import { type Advancing, advanceVersions } from "./advance-versions.ts";

/** What one round of {@link catchUp} came to for a projection. */
export interface CaughtUp {
  readonly projection: string;
  /**
   * `advanced`: its rows are at `position`; `held`: another process writes them; `absent`: no version is there for
   * this code, so boot or rebuild it; `stopped`: see `error`.
   */
  readonly outcome: "advanced" | "held" | "absent" | "stopped";
  readonly position: string | undefined;
  readonly error: unknown;
}

export interface CatchUpResult {
  readonly projections: readonly CaughtUp[];
  readonly read: ReadCount;
}

export interface CatchUpOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings the stored rows of all asynchronous projections to the present fence: once, by whoever gets their leases.
 * A projection that cannot go on leaves the others alone.
 */
export async function catchUp(settings: Settings, { signal }: CatchUpOptions = {}): Promise<CatchUpResult> {
  const { pool, log, page, projections } = settings;
  const read: ReadCount = { rows: 0, bytes: 0, pages: 0 };
  const results = new Map<Projection, CaughtUp>();
  const settled = await log.settle(pool, signal);
  const horizon = await inTransaction(pool, (client) => log.horizon(client, settled), "snapshot");
  if (horizon.foreign !== undefined) throw foreignCluster(horizon.foreign);
  const { client: holder, release } = await takeConnection(pool);
  const targets: Advancing[] = [];
  const upTo = horizon.fence;
  let broken = true;
  try {
    for (const projection of projections) {
      if (projection.mode === "inline") continue;
      const target = await takeTarget(holder, projection, { settings, upTo });
      if ("outcome" in target) results.set(projection, target);
      else targets.push(target);
    }
    await advanceVersions(targets, { pool, log, upTo, policy: "park", page, count: read, signal });
    for (const target of targets) results.set(target.projection, report(target));
    for (const { lease } of targets) await releaseLease(holder, lease);
    broken = false;
  } finally {
    release(broken);
  }
  return { projections: [...results.values()], read };
}

function report({ projection, checkpoint, error }: Advancing): CaughtUp {
  return {
    projection: projection.name,
    outcome: error === undefined ? "advanced" : "stopped",
    position: formatPosition(checkpoint),
    error,
  };
}

async function takeTarget(
  holder: pg.ClientBase,
  projection: Projection,
  { settings, upTo }: { readonly settings: Settings; readonly upTo: Position },
): Promise<Advancing | CaughtUp> {
  const { name } = projection;
  const say = (outcome: CaughtUp["outcome"], at?: Position, error?: unknown): CaughtUp => ({
    projection: name,
    outcome,
    position: at === undefined ? undefined : formatPosition(at),
    error,
  });
  const version = await ownVersion(projection, settings);
  if (version === undefined) return say("absent");
  if (version.fault !== undefined)
    return say("stopped", version.checkpoint, new Error(version.fault.message));
  // Nothing to write, nothing to lease: a runner that waits leaves the database as it is.
  if (comparePositions(version.checkpoint, upTo) >= 0) return say("advanced", version.checkpoint);
  const lease = await takeLease(holder, {
    versionId: version.id,
    owner: settings.owner,
    leaseMs: settings.leaseMs,
  });
  if (lease === undefined) return say("held", version.checkpoint);
  // The checkpoint that was read before the lease may be an earlier holder's last but one.
  const now = await ownVersion(projection, settings);
  if (now?.id === version.id) return { projection, lease, checkpoint: now.checkpoint };
  await releaseLease(holder, lease);
  return say("absent");
}

/** The version that this process's code keeps; one that was built before the deployment becomes the active one. */
async function ownVersion(projection: Projection, settings: Settings): Promise<Version | undefined> {
  const { pool, log, owner, leaseMs, keep, page } = settings;
  const { name, mode } = projection;
  const identity = await projectorIdentity(projection);
  const find = async (): Promise<Version | undefined> =>
    versionFor(await listVersions(pool, [name]), { projection: name, identity, log: log.name, mode });
  const version = await find();
  if (version?.status === "building") return undefined;
  if (version?.status !== "built") return version;
  const reason = "the code that it was built for runs now";
  const orActive = { otherThan: undefined };
  await rebuildProjection(projection, {
    pool,
    log,
    owner,
    leaseMs,
    keep,
    page,
    activate: true,
    reason,
    orActive,
  });
  return await find();
}
