import type pg from "pg";
import { takeSpare } from "../database/connection.ts";
import { transactionOn } from "../database/transaction.ts";
import { ProjectionError } from "../errors.ts";
import { type EventLog, type Page, readPages, type RawEvent, type ReadCount } from "../log/event-log.ts";
import { comparePositions, earlierPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { typesOf } from "../projection/fold.ts";
import { advanceCheckpoint } from "../store/advance.ts";
import type { Lease } from "../store/lease.ts";
import { firstParked } from "../store/parked.ts";
import { storableText } from "../store/storable-text.ts";
import type { Fault } from "../store/version.ts";
import { applyPage, endOf, type FailurePolicy } from "./apply-page.ts";
import { oneAhead } from "./one-ahead.ts";

export interface PageLimits {
  /** Events in a page, at most. @default 5000 */
  readonly rows?: number | undefined;
  /** Bytes of JSON text in a page, at most; a larger event comes alone. @default 8 MiB */
  readonly bytes?: number | undefined;
}

export const defaultPage = { rows: 5000, bytes: 8 * 1024 * 1024 };

/** A version whose rows are brought forward, by the holder of its lease. */
export interface Advancing {
  readonly projection: Projection;
  readonly lease: Lease;
  checkpoint: Position;
  /** Set when the version cannot go on; the others do. */
  error?: unknown;
}

export interface AdvanceOptions {
  /** Held by the caller, in no transaction; all is written on it. */
  readonly client: pg.ClientBase;
  /** What a second connection is taken from, if one is free, to read the next page while this one is written. */
  readonly pool: pg.Pool;
  readonly log: EventLog;
  /** Where to stop: a fence that was read before, so that a log that grows is no reason to go on for ever. */
  readonly upTo: Position;
  readonly policy: FailurePolicy;
  readonly page?: PageLimits | undefined;
  readonly count?: ReadCount | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPage?: ((at: Position) => void) | undefined;
}

/**
 * Brings versions forward to one position, reading the log once for all of them. Each page is written in one
 * transaction a version: rows and checkpoint together. What one version fails of is kept in its `error`.
 */
export async function advanceVersions(
  versions: readonly Advancing[],
  options: AdvanceOptions,
): Promise<void> {
  const { client, pool, log, upTo, page: limits, count, signal, onPage } = options;
  const behind = versions.filter(({ checkpoint }) => comparePositions(checkpoint, upTo) < 0);
  if (behind.length === 0) return;
  const after = behind.map(({ checkpoint }) => checkpoint).reduce(earlierPosition);
  const [spare] = await takeSpare(pool, 1);
  const reader = spare?.client ?? client;
  const range = {
    after,
    upTo,
    types: typesOf(behind.map(({ projection }) => projection)),
    limitRows: limits?.rows ?? defaultPage.rows,
    limitBytes: limits?.bytes ?? defaultPage.bytes,
  };
  try {
    const parked = new Map<Advancing, Set<string>>();
    for (const version of behind) {
      const first = await firstParked(reader, version.lease.versionId);
      parked.set(version, new Set(first.map(({ key }) => key)));
    }
    const pages = readPages(log, reader, range, { count, signal });
    for await (const page of spare === undefined ? pages : oneAhead(pages)) {
      for (const version of behind) {
        if (version.error !== undefined) continue;
        await takePage(version, page, { ...options, parked: parked.get(version) as Set<string> });
      }
      if (behind.every(({ error }) => error !== undefined)) return;
      onPage?.(page.events.at(-1)?.position ?? upTo);
    }
  } finally {
    spare?.release();
  }
}

interface TakeOptions extends AdvanceOptions {
  readonly parked: Set<string>;
}

async function takePage(version: Advancing, page: Page, options: TakeOptions): Promise<void> {
  const { checkpoint } = version;
  const events = page.events.filter(({ position }) => comparePositions(position, checkpoint) > 0);
  if (events.length === 0 && !page.last) return;
  try {
    const { to, fault } = await writePage(version, { events, last: page.last }, options);
    version.checkpoint = to;
    if (fault !== undefined) {
      version.error = new ProjectionError("POISON_EVENT", fault.message, {
        hint: `correct the projector, or add an upcaster, and call redrive("${version.projection.name}")`,
      });
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    version.error = error;
  }
}

/** Rows, what is set aside, a fault and the checkpoint: all of it or nothing. */
async function writePage(
  { projection, lease, checkpoint }: Advancing,
  { events, last }: { events: readonly RawEvent[]; last: boolean },
  { client: held, policy, parked, upTo }: TakeOptions,
): Promise<{ to: Position; fault: Fault | undefined }> {
  const parkedBefore = [...parked];
  try {
    return await transactionOn(held, async (client) => {
      const target = { projection, versionId: lease.versionId, parked, policy };
      const { growth, taken, fault } = await applyPage(client, target, events);
      const to = last && fault === undefined ? upTo : endOf(events, taken, checkpoint);
      await advanceCheckpoint(client, lease, { from: checkpoint, to, scanned: taken, growth });
      if (fault !== undefined) await recordFault(client, lease.versionId, fault);
      return { to, fault };
    });
  } catch (error) {
    parked.clear();
    for (const key of parkedBefore) parked.add(key);
    throw error;
  }
}

async function recordFault(client: pg.ClientBase, versionId: string, fault: Fault): Promise<void> {
  await client.query("update headstart_projections.version set fault = $2 where id = $1", [
    versionId,
    JSON.stringify({ ...fault, message: storableText(fault.message) }),
  ]);
}
