import type pg from "pg";
import { boundLocks, isLockTimeout } from "../database/brief-locks.ts";
import { transactionOn } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import type { EventLog, Horizon, ReadCount } from "../log/event-log.ts";
import { beginning, comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { wantedTypes } from "../projection/fold.ts";
import { applyPage } from "../run/apply-page.ts";
import { advanceCheckpoint } from "../store/advance.ts";
import type { Lease } from "../store/lease.ts";
import { listVersions, type Version, type VersionStatus } from "../store/version.ts";
import { activate, mayActivate, lockActivation, lockActive } from "./activate.ts";

export interface Swap {
  readonly log: EventLog;
  readonly projection: Projection;
  readonly lease: Lease;
  /** Up to where the new rows go. */
  readonly checkpoint: Position;
  /** What the log showed before. */
  readonly horizon: Horizon;
  readonly previous: Extract<VersionStatus, "retired" | "abandoned">;
  readonly limitRows: number;
  readonly limitBytes: number;
  /** Milliseconds to wait for each lock, at most; everybody who wants it later waits behind. */
  readonly lockMs: number;
  readonly count: ReadCount;
}

/**
 * Folds what is left, if that is one page, and makes the new rows those that readers see: in one transaction, for
 * which appends wait where the rows are kept inline. Undefined when more is left, or when somebody holds a lock.
 *
 * @returns up to where the new rows go
 * @throws {ProjectionError} `LEASE_LOST`, `LOG_UNSETTLED`
 */
export async function swapVersion(client: pg.ClientBase, swap: Swap): Promise<Position | undefined> {
  try {
    return await transactionOn(client, () => swapWithin(client, swap));
  } catch (error) {
    if (isLockTimeout(error)) return undefined;
    throw error;
  }
}

async function swapWithin(client: pg.ClientBase, swap: Swap): Promise<Position | undefined> {
  const { projection, lease, lockMs } = swap;
  await boundLocks(client, lockMs);
  const held = projection.mode === "inline" || (await keptInline(client, projection.name));
  // Appends that are under way write the inline rows that come, and those that go.
  if (held) {
    await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
  }
  await lockActivation(client, projection.name);
  const active = await lockActive(client, projection.name);
  const replacesInline = active?.mode === "inline";
  if (replacesInline && !held) return undefined;
  const to = await takeRest(client, swap, await swapPosition(client, active, swap));
  if (to === undefined) return undefined;
  checkSettled(to, swap.horizon, swap.log);
  if (!(await mayActivate(client, lease))) {
    throw new ProjectionError(
      "LEASE_LOST",
      `another process took over the rebuild of ${projection.name}, or ended it`,
      {
        hint: "nothing was swapped; whoever took over will do it, and what was retired is built at the next boot",
      },
    );
  }
  // Nobody keeps inline rows any more once others took their place, so nobody can go back to them. Nor to rows that
  // inline ones replaced: the code that made those could not append any more.
  const previous = projection.mode === "inline" || replacesInline ? "abandoned" : swap.previous;
  await activate(client, { projection: projection.name, versionId: lease.versionId, previous });
  return to;
}

async function keptInline(client: pg.ClientBase, name: string): Promise<boolean> {
  const versions = await listVersions(client, [name]);
  return versions.some(({ status, mode }) => status === "active" && mode === "inline");
}

/**
 * Where the new rows have to be at the swap. With appends held up, everything that is visible is final, and inline
 * rows take all of it.
 */
async function swapPosition(
  client: pg.ClientBase,
  active: Version | undefined,
  { projection, log, previous, checkpoint }: Swap,
): Promise<Position> {
  if (projection.mode === "inline") return (await log.horizon(client, undefined)).head;
  return activePosition(active, { log, previous }) ?? checkpoint;
}

/** Nowhere before the rows that are there, so that no reader goes back in time; undefined where nobody could tell. */
export function activePosition(
  active: Version | undefined,
  { log, previous }: Pick<Swap, "log" | "previous">,
): Position | undefined {
  if (active === undefined || active.mode === "inline" || active.log !== log.name) return undefined;
  return previous === "abandoned" ? undefined : active.checkpoint;
}

async function takeRest(client: pg.ClientBase, swap: Swap, upTo: Position): Promise<Position | undefined> {
  const { log, projection, lease, checkpoint, limitRows, limitBytes, count } = swap;
  if (comparePositions(checkpoint, upTo) >= 0) return checkpoint;
  const types = wantedTypes(projection);
  const page = await log.read(client, { after: checkpoint, upTo, types, limitRows, limitBytes });
  if (!page.last) return undefined;
  const parked = new Set<string>();
  const target = { projection, versionId: lease.versionId, parked, policy: "strict" } as const;
  const { growth } = await applyPage(client, target, page.events);
  const scanned = page.events.length;
  await advanceCheckpoint(client, lease, { from: checkpoint, to: upTo, scanned, growth });
  count.rows += scanned;
  count.bytes += page.bytes;
  count.pages += 1;
  return upTo;
}

/** Where a log cannot tell what is final while somebody writes, rows without a single event would pass for whole. */
export function checkSettled(checkpoint: Position, { head }: Horizon, log: EventLog): void {
  const none = comparePositions(checkpoint, beginning) === 0 && comparePositions(head, beginning) > 0;
  if (!none || log.inline) return;
  throw new ProjectionError(
    "LOG_UNSETTLED",
    `somebody was writing to ${log.name} all the time, so none of its events is known to be final`,
    { hint: "end that transaction (pg_stat_activity names it), or pass a greater settleMs to adoptLog()" },
  );
}
