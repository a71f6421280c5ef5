import type pg from "pg";
import type { Settings } from "../boot/settings.ts";
import { boundLocks, briefly } from "../database/brief-locks.ts";
import { takeConnection } from "../database/connection.ts";
import { transactionOn } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import type { ReadCount } from "../log/event-log.ts";
import { beginning, comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { projectorIdentity } from "../projection/projector-identity.ts";
import { advanceCheckpoint } from "../store/advance.ts";
import { BatchRows } from "../store/batch-rows.ts";
import { type Lease, leaseHeld, releaseLease, takeLease } from "../store/lease.ts";
import { firstParked } from "../store/parked.ts";
import { getVersion, listVersions, type Version, versionFor } from "../store/version.ts";
import { KeyFold, type OnPage, type RefoldedKeys } from "./refold-keys.ts";

export interface RedriveOptions {
  /** One key only; folded from the beginning of the log, whatever its row is now. @default all that are set aside */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told about every page: how many events were read so far. */
  readonly onProgress?: ((events: number) => void) | undefined;
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
 * projection, only the rows and the log. Nobody waits for the fold, only for the rows to be written; appends that keep
 * inline rows wait for what they appended meanwhile.
 *
 * @throws {ProjectionError} `PROJECTION_REFUSED`, `LEASE_HELD`, `LEASE_LOST`, `POSITION_MISSED` when the log was cut,
 *   `POISON_EVENT` when not even an event's key can be told
 */
export async function redrive(
  projection: Projection,
  settings: Settings,
  options: RedriveOptions = {},
): Promise<Redriven> {
  const { pool, owner, leaseMs } = settings;
  const version = await findVersion(projection, settings);
  const { client: holder, release } = await takeConnection(pool);
  let broken = true;
  try {
    const lease = await takeLease(holder, { versionId: version.id, owner, leaseMs });
    if (lease === undefined) throw leaseHeld(projection.name, version.leaseOwner);
    const { repaired, failed } = await refoldHeld(holder, { projection, settings, lease, options });
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
  readonly options: RedriveOptions;
}

/** All keys in one pass over the log; each that cannot be folded stays as it was. */
async function refoldHeld(
  holder: pg.ClientBase,
  refolding: Refolding,
): Promise<Pick<Redriven, "repaired" | "failed">> {
  const { projection, settings, lease, options } = refolding;
  const version = await getVersion(holder, lease.versionId);
  if (version === undefined) throw leaseHeld(projection.name, undefined);
  const parked = await firstParked(holder, version.id);
  const keys = new Set(options.key === undefined ? parked.map(({ key }) => key) : [options.key]);
  if (keys.size === 0) return { repaired: [], failed: [] };
  const { log, page } = settings;
  const count: ReadCount = { rows: 0, bytes: 0, pages: 0 };
  const limits = { limitRows: page.rows, limitBytes: page.bytes };
  const { signal } = options;
  const begin = (): Promise<KeyFold> =>
    KeyFold.begin(holder, { log, projection, keys, parked, ...limits, count, signal });
  const onPage = keepLease(holder, refolding, { version, count });
  const write = async (client: pg.ClientBase, folded: RefoldedKeys): Promise<string[]> => {
    const repaired = [...keys].filter((each) => !folded.failed.has(each));
    await writeRepaired(client, { projection, lease, version, repaired, folded });
    return repaired;
  };
  const { repaired, failed } =
    projection.mode === "inline"
      ? await foldInline(holder, begin, { settings, signal, onPage, write })
      : await foldAsync(holder, await begin(), { upTo: version.checkpoint, onPage, write });
  return { repaired, failed: [...failed].map(([key, error]) => ({ key, error })) };
}

interface Folding {
  readonly onPage: OnPage;
  readonly write: (client: pg.ClientBase, folded: RefoldedKeys) => Promise<string[]>;
}

interface Written {
  readonly repaired: readonly string[];
  readonly failed: ReadonlyMap<string, string>;
}

/** The log is read in no transaction: one that writes would hold its fence back all the time. */
async function foldAsync(
  holder: pg.ClientBase,
  fold: KeyFold,
  { upTo, onPage, write }: Folding & { readonly upTo: Position },
): Promise<Written> {
  const folded = await fold.finish(holder, upTo, onPage);
  const repaired = await transactionOn(holder, (client) => write(client, folded));
  return { repaired, failed: folded.failed };
}

interface FoldingInline extends Folding {
  readonly settings: Settings;
  readonly signal: AbortSignal | undefined;
}

/**
 * Inline rows change with every append, so appends wait at the end, for about a page if nobody holds the fence back.
 * While an append is open they are let through, and the fold goes on behind them. What was folded while they waited is
 * final only until they go on, so a fold whose rows could not be written then is begun anew.
 */
async function foldInline(
  holder: pg.ClientBase,
  begin: () => Promise<KeyFold>,
  folding: FoldingInline,
): Promise<Written> {
  const { settings, signal, onPage, write } = folding;
  let begun: KeyFold | undefined;
  const attempt = async (lockMs: number): Promise<Written> => {
    await onPage();
    const fold = (begun ??= await begin());
    await foldToFence(holder, fold, folding);
    return await transactionOn(holder, async (client) => {
      await boundLocks(client, lockMs);
      await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
      begun = undefined;
      // With appends held up, everything that is visible is final.
      const folded = await fold.finish(client, (await settings.log.horizon(client, undefined)).head);
      return { repaired: await write(client, folded), failed: folded.failed };
    });
  };
  return await briefly(attempt, signal);
}

/** Until about a page is left, or somebody holds the fence back. */
async function foldToFence(
  holder: pg.ClientBase,
  fold: KeyFold,
  { settings: { log, page }, onPage }: FoldingInline,
): Promise<void> {
  for (let at = beginning; ;) {
    const { fence } = await transactionOn(holder, (client) => log.horizon(client, undefined), "snapshot");
    await fold.advance(holder, fence, onPage);
    const isNear = (await log.countAfter(holder, fence, page.rows + 1)) <= page.rows;
    if (isNear || comparePositions(fence, at) <= 0) return;
    at = fence;
  }
}

interface Keeping {
  readonly version: Version;
  readonly count: ReadCount;
}

/** Holds on to the lease while the log is read, which may take longer than it lasts. */
function keepLease(
  holder: pg.ClientBase,
  { lease, options }: Refolding,
  { version: { checkpoint }, count }: Keeping,
): OnPage {
  let kept = performance.now();
  return async () => {
    options.onProgress?.(count.rows);
    const now = performance.now();
    if (now - kept < lease.leaseMs / 3) return;
    await advanceCheckpoint(holder, lease, { from: checkpoint, to: checkpoint, scanned: 0, growth: 0 });
    kept = now;
  };
}

interface Repaired {
  readonly projection: Projection;
  readonly lease: Lease;
  /** As it was when the fold began. */
  readonly version: Version;
  readonly repaired: readonly string[];
  readonly folded: RefoldedKeys;
}

async function writeRepaired(
  client: pg.ClientBase,
  { projection, lease, version: { checkpoint }, repaired, folded }: Repaired,
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
  // Undoes all of it where somebody else took over.
  await advanceCheckpoint(client, lease, {
    from: checkpoint,
    to: checkpoint,
    scanned: 0,
    growth: projection.mode === "inline" ? 0 : growth,
  });
  await client.query(
    "delete from headstart_projections.parked where version_id = $1 and key = any ($2::text[])",
    [lease.versionId, repaired],
  );
}
