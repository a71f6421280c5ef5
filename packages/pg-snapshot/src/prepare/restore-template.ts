import { scratchName } from "../names.ts";
import type { TemplateDescription } from "../template/template-description.ts";
import { askStores } from "./ask-stores.ts";
import type { Preparation } from "./preparation.ts";
import { publishTemplate } from "./publish-template.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import { withScratch } from "./with-scratch.ts";

/**
 * The second tier: the first store that holds a whole, usable snapshot of this content is restored.
 *
 * @returns the template, or `undefined` when no store could serve
 * @throws {PgSnapshotError} as {@link askStores} does
 */
export async function restoreTemplate(preparation: Preparation): Promise<TemplateDescription | undefined> {
  const { target, owner } = preparation;
  return await askStores(preparation, async (store) => {
    const scratch = scratchName(owner.id, target.name);
    return await withScratch(owner, scratch, async () => {
      const { buildMs } = await restoreSnapshot(preparation, store, scratch);
      return await publishTemplate(preparation, { scratch, source: "snapshot", buildMs });
    });
  });
}
