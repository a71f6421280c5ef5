import type pg from "pg";
import { refusalHint } from "../boot/boot-policy.ts";
import type { Settings } from "../boot/settings.ts";
import { takeConnection } from "../database/connection.ts";
import { transactionOn } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
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
  const kept = projections.filter(({ mode }) => mode === "async");
  // Before a connection is held, because building needs one.
  for (const projection of kept) {
    const stopped = await tryActivateBuilt(projection, settings, signal);
    if (stopped !== undefined) results.set(projection, stopped);
  }
  const settled = await log.settle(pool, signal);
  const { client: holder, release } = await takeConnection(pool);
  const targets: Advancing[] = [];
  let broken = true;
  try {
    const horizon = await transactionOn(holder, (client) => log.horizon(client, settled), "snapshot");
    if (horizon.foreign !== undefined) throw foreignCluster(horizon.foreign);
    const upTo = horizon.fence;
    for (const projection of kept.filter((each) => !results.has(each))) {
      const target = await takeTarget(holder, projection, { settings, upTo });
      if ("outcome" in target) results.set(projection, target);
      else targets.push(target);
    }
    await advanceVersions(targets, {
      client: holder,
      pool,
      log,
      upTo,
      policy: "park",
      page,
      count: read,
      signal,
    });
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
  const version = await ownVersion(holder, projection, settings);
  if (version === undefined || version.status === "built") return say("absent");
  if (version.fault !== undefined) {
    const hint = `correct the projector, or add an upcaster, and call redrive("${name}")`;
    return say(
      "stopped",
      version.checkpoint,
      new ProjectionError("POISON_EVENT", version.fault.message, { hint }),
    );
  }
  // Nothing to write, nothing to lease: a runner that waits leaves the database as it is.
  if (comparePositions(version.checkpoint, upTo) >= 0) return say("advanced", version.checkpoint);
  const lease = await takeLease(holder, {
    versionId: version.id,
    owner: settings.owner,
    leaseMs: settings.leaseMs,
  });
  if (lease === undefined) return say("held", version.checkpoint);
  // The checkpoint that was read before the lease may be an earlier holder's last but one.
  const now = await ownVersion(holder, projection, settings);
  if (now?.id !== version.id) {
    await releaseLease(holder, lease);
    return say("absent");
  }
  if (!(await settings.log.isCut(holder, now))) return { projection, lease, checkpoint: now.checkpoint };
  await releaseLease(holder, lease);
  const at = formatPosition(now.checkpoint);
  const missed = new ProjectionError(
    "POSITION_MISSED",
    `${name} stands at ${at}, and events after it are gone`,
    {
      hint: refusalHint("cut-off", name),
    },
  );
  return say("stopped", now.checkpoint, missed);
}

/** The version that this process's code keeps. */
async function ownVersion(
  client: pg.ClientBase | pg.Pool,
  projection: Projection,
  { log }: Settings,
): Promise<Version | undefined> {
  const { name, mode } = projection;
  const identity = await projectorIdentity(projection);
  const versions = await listVersions(client, [name]);
  const version = versionFor(versions, { projection: name, identity, log: log.name, mode });
  return version?.status === "building" ? undefined : version;
}

/** A version that was built before the deployment becomes the active one; what keeps it from that stops nobody else. */
async function tryActivateBuilt(
  projection: Projection,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<CaughtUp | undefined> {
  const version = await ownVersion(settings.pool, projection, settings);
  if (version?.status !== "built") return undefined;
  try {
    await activateBuilt(projection, settings, signal);
    return undefined;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const position = formatPosition(version.checkpoint);
    return { projection: projection.name, outcome: "stopped", position, error };
  }
}

async function activateBuilt(
  projection: Projection,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { pool, log, owner, leaseMs, keep, page } = settings;
  const from = { pool, log, owner, leaseMs, keep, page, signal };
  const reason = "the code that it was built for runs now";
  await rebuildProjection(projection, {
    ...from,
    activate: true,
    reason,
    orActive: { otherThan: undefined },
  });
}
