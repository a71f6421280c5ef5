import { PgSnapshotError } from "../errors.ts";
import { scratchName } from "../names.ts";
import { askStores, noSnapshot } from "../prepare/ask-stores.ts";
import { runBuild } from "../prepare/build-template.ts";
import type { Preparation, PrepareOptions } from "../prepare/preparation.ts";
import { openPreparation } from "../prepare/open-preparation.ts";
import { restoreSnapshot } from "../prepare/restore-snapshot.ts";
import type { Target } from "../prepare/target.ts";
import { tidyStores } from "../prepare/tidy-stores.ts";
import { withScratch } from "../prepare/with-scratch.ts";
import { databaseSettingStatements } from "../snapshot/database-settings.ts";
import { stripDatabase } from "../snapshot/strip-database.ts";
import { createDatabase, dropDatabase } from "../template/create-database.ts";
import { findTemplate } from "../template/find-template.ts";
import { compareDatabases, type DatabaseDifference } from "./compare-databases.ts";

export interface VerifyOptions extends Omit<PrepareOptions, "from" | "save"> {
  /** Compares with a database that is built anew instead of the template. @default false */
  readonly rebuild?: boolean | undefined;
}

export interface Verification {
  readonly equal: boolean;
  /** What the restored snapshot (`left`) and the reference (`right`) do not have alike. */
  readonly differences: readonly DatabaseDifference[];
  /** What the snapshot was compared with. */
  readonly reference: "template" | "rebuild";
}

/**
 * Restores the snapshot of the present content and compares it, object by object and row by row, with the
 * template that a build made, or with a build made for the purpose. The reference is stripped by the same
 * rules first. Nothing is kept.
 *
 * @throws {PgSnapshotError} what the snapshot lacks: `SNAPSHOT_MISSING`, `SNAPSHOT_STALE`, `SNAPSHOT_TORN`, …; `TEMPLATE_ABSENT`
 * when there is no built template to compare with
 */
export async function verify(target: Target, options: VerifyOptions = {}): Promise<Verification> {
  const { rebuild = false, ...rest } = options;
  using preparation = await openPreparation(target, rest);
  const { owner, signal, onProgress } = preparation;
  const restored = scratchName(owner.id, target.name);
  const reference = scratchName(owner.id, target.name);
  try {
    using _held = owner.hold();
    await tidyStores(target);
    return await withScratch(owner, restored, async () => {
      await restoreAny(preparation, restored);
      return await withScratch(owner, reference, async () => {
        if (rebuild) await buildReference(preparation, reference);
        else await cloneReference(preparation, reference);
        const rules = target.strip ?? [];
        await stripDatabase({ connection: owner.settings, database: reference, rules, signal, onProgress });
        const pair = { connection: owner.settings, left: restored, right: reference };
        const differences = await compareDatabases({ ...pair, signal, onProgress });
        return { equal: differences.length === 0, differences, reference: rebuild ? "rebuild" : "template" };
      });
    });
  } finally {
    await owner[Symbol.asyncDispose]();
  }
}

/** Restores from the first store that has a usable snapshot of this content. */
async function restoreAny(preparation: Preparation, scratch: string): Promise<void> {
  const { owner } = preparation;
  const restored = await askStores(preparation, async (store) => {
    try {
      return await restoreSnapshot(preparation, store, scratch);
    } catch (error) {
      // What it left half made must not be in the way of the next store.
      await dropDatabase(owner, scratch, { force: true }).catch(() => undefined);
      throw error;
    }
  });
  if (restored === undefined) throw noSnapshot(preparation);
}

async function buildReference(preparation: Preparation, scratch: string): Promise<void> {
  await createDatabase(preparation.owner, scratch, { signal: preparation.signal });
  await runBuild(preparation, scratch);
}

async function cloneReference(preparation: Preparation, scratch: string): Promise<void> {
  const { owner, signal, templateName: template } = preparation;
  const found = await findTemplate(owner.session, template);
  const usable = found.status === "found" && found.description.source === "build";
  if (!usable) {
    const why = found.status === "found" ? "the template was itself restored from a snapshot" : found.reason;
    throw new PgSnapshotError("TEMPLATE_ABSENT", `nothing built to compare the snapshot with: ${why}`, {
      hint: "compare with a fresh build: headstart verify --rebuild",
    });
  }
  const { strategy } = found.description;
  await createDatabase(owner, scratch, { template, strategy, signal });
  const statements = databaseSettingStatements(scratch, found.description);
  if (statements.length > 0) await owner.transaction(`configuring database "${scratch}"`, statements);
}
