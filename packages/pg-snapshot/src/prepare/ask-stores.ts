import { PgSnapshotError, type PgSnapshotErrorCode } from "../errors.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import type { Preparation, TierStep } from "./preparation.ts";

/** A build would meet these as well, so falling to it would only cost time and hide the cause. */
const fatal: ReadonlySet<PgSnapshotErrorCode> = new Set([
  "SERVER_UNREACHABLE",
  "AUTHENTICATION_FAILED",
  "PERMISSION_DENIED",
  "DISK_FULL",
  "DEADLINE_EXCEEDED",
]);

/** The store is whole, and has nothing for this content. */
const misses: ReadonlySet<PgSnapshotErrorCode> = new Set(["SNAPSHOT_MISSING", "SNAPSHOT_STALE"]);

/**
 * Asks the target's stores in order until one serves. Every other one adds a step that says why it did not.
 *
 * @returns what the first one serves, or `undefined` when none does
 * @throws {PgSnapshotError} what a build would meet as well: the server gone, its disk full, no right to create
 */
export async function askStores<T>(
  { target, steps, signal }: Preparation,
  serve: (store: SnapshotStore) => Promise<T>,
): Promise<T | undefined> {
  const stores = target.stores ?? [];
  if (stores.length === 0) {
    steps.push({ tier: "snapshot", outcome: "skipped", reason: "the target keeps no snapshots" });
  }
  for (const store of stores) {
    try {
      const served = await serve(store);
      steps.push({ tier: "snapshot", outcome: "served", reason: `restored from ${store.name}` });
      return served;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PgSnapshotError) || fatal.has(error.code)) throw error;
      const { code, hint, message: reason } = error;
      const outcome = misses.has(code) ? "missed" : "failed";
      steps.push({ tier: "snapshot", outcome, reason, code, hint });
    }
  }
  return undefined;
}

/**
 * Where a snapshot alone would do, it fails for the reason of the last store that has one and could not serve
 * it, with that reason's own fix; else for a snapshot of other content; else because there is none.
 */
export function noSnapshot({ target, steps }: Preparation): PgSnapshotError {
  const asked = steps.filter((step) => step.tier === "snapshot");
  const decisive =
    asked.findLast((step) => step.outcome === "failed") ??
    asked.findLast((step) => step.code === "SNAPSHOT_STALE") ??
    asked.at(-1);
  return new PgSnapshotError(
    decisive?.code ?? "SNAPSHOT_MISSING",
    `no snapshot of "${target.name}" could serve: ${decisive?.reason ?? "none found"}`,
    { hint: decisive?.hint ?? hintWithoutStores(decisive) },
  );
}

function hintWithoutStores(decisive: TierStep | undefined): string | undefined {
  // An error that came without a fix gets no other error's.
  return decisive?.code === undefined
    ? "give the target a store: a snapshot directory that is marked writable"
    : undefined;
}
