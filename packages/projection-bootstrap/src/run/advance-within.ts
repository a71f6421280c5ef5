import type pg from "pg";
import { type EventLog, readPages, type ReadCount } from "../log/event-log.ts";
import { comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { advanceCheckpoint } from "../store/advance.ts";
import type { Lease } from "../store/lease.ts";
import { applyPage, endOf } from "./apply-page.ts";

export interface AdvanceWithin {
  readonly log: EventLog;
  readonly projection: Projection;
  readonly lease: Lease;
  readonly from: Position;
  readonly upTo: Position;
  readonly limitRows: number;
  readonly limitBytes: number;
  readonly count: ReadCount;
}

/**
 * Brings a version forward in the caller's transaction and over its connection alone: whoever holds locks that
 * others wait for must not wait for a connection that those others have.
 */
export async function advanceWithin(client: pg.ClientBase, options: AdvanceWithin): Promise<void> {
  const { log, projection, lease, upTo, limitRows, limitBytes, count } = options;
  let { from } = options;
  if (comparePositions(from, upTo) >= 0) return;
  const target = {
    projection,
    versionId: lease.versionId,
    parked: new Set<string>(),
    policy: "strict",
  } as const;
  for await (const page of readPages(log, client, { after: from, upTo, limitRows, limitBytes }, { count })) {
    const { growth } = await applyPage(client, target, page.events);
    const to = page.last ? upTo : endOf(page.events, page.events.length, from);
    await advanceCheckpoint(client, lease, { from, to, scanned: page.events.length, growth });
    from = to;
  }
}
