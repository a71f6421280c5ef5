import type { BranchRow, BranchState, Totals } from "./status-schema.ts";

/** Counts over all branches that are shown. */
export function summarise(rows: readonly BranchRow[]): Omit<Totals, "notShown" | "pendingDeliveries"> {
  const states: Record<BranchState, number> = {
    error: 0,
    parked: 0,
    building: 0,
    pending: 0,
    ready: 0,
    deleted: 0,
  };
  let pinned = 0;
  let live = 0;
  let unserved = 0;
  let oldestWait: string | null = null;
  for (const row of rows) {
    states[row.state] += 1;
    if (row.state === "deleted") continue;
    if (row.class === "live") live += 1;
    if (row.pinned !== null) pinned += 1;
    if ((row.state === "error" || row.state === "parked") && row.served === null) unserved += 1;
    const waits = row.state === "pending" || row.state === "building";
    if (waits && (oldestWait === null || row.wanted.at < oldestWait)) oldestWait = row.wanted.at;
  }
  const branches = rows.length - states.deleted;
  return {
    branches,
    live,
    drafts: branches - live,
    states,
    unserved,
    pinned,
    queue: states.pending + states.building,
    oldestWait,
  };
}
