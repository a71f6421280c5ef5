import type { Lease } from "../queue/claim.ts";
import type { BuildOptions } from "./build-version.ts";
import { buildUnits } from "./build-units.ts";
import { costs, invalid, type Contents, type Invalid } from "./contents.ts";
import { listUnits } from "./list-units.ts";
import type { DocumentSource } from "./read-documents.ts";
import { startSegment } from "./segments.ts";

/** Lists the whole tree and assembles every unit of it into a new base. */
export async function buildWhole(
  source: DocumentSource,
  lease: Lease,
  { tree, onProgress }: Pick<BuildOptions, "onProgress"> & { readonly tree: string },
): Promise<Contents | Invalid> {
  onProgress?.({ phase: "list" });
  const { units, treeFiles } = await listUnits(source, tree);
  const base = await startSegment(source.context.db, lease);
  const counts = await buildUnits(source, { segment: base, units, onProgress });
  return invalid(source.projector, counts) ?? { base, delta: null, treeFiles, ...costs(counts) };
}
