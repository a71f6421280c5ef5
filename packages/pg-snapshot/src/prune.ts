import type { InventoryItem, InventoryOptions } from "./inventory.ts";
import { PgSnapshotError } from "./errors.ts";
import { Owner } from "./owner.ts";
import { resolveConnection } from "./server/connection-settings.ts";
import { sweep } from "./sweep.ts";
import { dropDatabase } from "./template/create-database.ts";

/** What the templates of a server may take together; a missing bound is no bound. */
export interface PruneBudget {
  readonly maxCount?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** Milliseconds since the last use; noted at most once an hour. */
  readonly maxAgeMs?: number | undefined;
}

export interface PlannedDrop {
  readonly name: string;
  readonly bytes: number;
  readonly reason: string;
}

/**
 * Which templates go so that the rest fits the budget: too old ones first, then the least recently used. Kept
 * clones are never chosen, they are dropped by name.
 *
 * @param now milliseconds since the epoch
 */
export function planPrune(items: readonly InventoryItem[], budget: PruneBudget, now: number): PlannedDrop[] {
  const { maxCount = Infinity, maxBytes = Infinity, maxAgeMs = Infinity } = budget;
  const lastUse = (item: { description: { lastUsedAt: string } }): number =>
    Date.parse(item.description.lastUsedAt);
  const templates = items.filter((item) => item.kind === "template").sort((a, b) => lastUse(b) - lastUse(a));
  const drops: PlannedDrop[] = [];
  let count = 0;
  let bytes = 0;
  for (const template of templates) {
    const drop = (reason: string): void =>
      void drops.push({ name: template.name, bytes: template.bytes, reason });
    if (now - lastUse(template) > maxAgeMs) drop(`last used ${template.description.lastUsedAt}`);
    else if (count + 1 > maxCount) drop(`more than ${maxCount} templates`);
    else if (bytes + template.bytes > maxBytes) drop(`templates take more than ${maxBytes} bytes`);
    else {
      count += 1;
      bytes += template.bytes;
    }
  }
  return drops;
}

export interface PruneResult {
  readonly dropped: readonly string[];
  /** What could not be dropped, and why. */
  readonly kept: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Drops what was planned, and sweeps what dead processes left. A template that is being cloned stays.
 *
 * @throws {PgSnapshotError} `SERVER_UNREACHABLE`, `AUTHENTICATION_FAILED`
 */
export async function applyPrune(
  plan: readonly PlannedDrop[],
  options: InventoryOptions = {},
): Promise<PruneResult> {
  const { server, signal } = options;
  const settings = typeof server === "object" ? server : resolveConnection(server);
  await using owner = await Owner.open(settings, { purpose: "prune", signal });
  using _held = owner.hold();
  const swept = await sweep(owner, { signal });
  const dropped = [...swept.dropped];
  const kept = swept.inUse.map((name) => ({ name, reason: "somebody is connected to it" }));
  for (const { name } of plan) {
    try {
      await dropDatabase(owner, name, { signal });
      dropped.push(name);
    } catch (error) {
      if (!(error instanceof PgSnapshotError) || error.code === "SERVER_UNREACHABLE") throw error;
      kept.push({ name, reason: error.message });
    }
  }
  return { dropped, kept };
}
