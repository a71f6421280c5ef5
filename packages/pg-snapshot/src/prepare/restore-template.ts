import { PgSnapshotError, type PgSnapshotErrorCode } from "../errors.ts";
import { scratchName } from "../names.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import type { TemplateDescription } from "../template/template-description.ts";
import type { Preparation } from "./preparation.ts";
import { publishTemplate } from "./publish-template.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import { withScratch } from "./with-scratch.ts";

/** A build would meet these as well, so falling to it would only cost time and hide the cause. */
const fatal: ReadonlySet<PgSnapshotErrorCode> = new Set([
  "SERVER_UNREACHABLE",
  "AUTHENTICATION_FAILED",
  "PERMISSION_DENIED",
  "DISK_FULL",
  "DEADLINE_EXCEEDED",
]);

/**
 * The second tier: the first store that holds a whole, usable snapshot of this content is restored. Every store
 * that cannot serve adds a step that says why.
 *
 * @returns the template, or `undefined` when no store could serve
 * @throws {PgSnapshotError} what a build would meet as well: the server gone, its disk full, no right to create
 */
export async function restoreTemplate(preparation: Preparation): Promise<TemplateDescription | undefined> {
  const { steps } = preparation;
  const stores = preparation.target.stores ?? [];
  if (stores.length === 0) {
    steps.push({ tier: "snapshot", outcome: "skipped", reason: "the target keeps no snapshots" });
  }
  for (const store of stores) {
    try {
      const served = await restoreFrom(preparation, store);
      if (typeof served !== "string") {
        steps.push({ tier: "snapshot", outcome: "served", reason: `restored from ${store.name}` });
        return served;
      }
      steps.push({ tier: "snapshot", outcome: "missed", reason: served });
    } catch (error) {
      preparation.signal.throwIfAborted();
      if (!(error instanceof PgSnapshotError) || fatal.has(error.code)) throw error;
      const { code, hint, message: reason } = error;
      steps.push({ tier: "snapshot", outcome: "failed", reason, code, hint });
    }
  }
  return undefined;
}

/** The template, or why this store does not serve. */
async function restoreFrom(
  preparation: Preparation,
  store: SnapshotStore,
): Promise<TemplateDescription | string> {
  const { target, owner } = preparation;
  const scratch = scratchName(owner.id, target.name);
  return await withScratch(owner, scratch, async () => {
    const restored = await restoreSnapshot(preparation, store, scratch);
    if (restored.status === "missed") return restored.reason;
    return await publishTemplate(preparation, {
      scratch,
      source: "snapshot",
      buildMs: restored.manifest.buildMs,
    });
  });
}
