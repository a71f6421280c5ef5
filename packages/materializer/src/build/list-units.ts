import type { DocumentSource } from "./read-documents.ts";
import { selectFile, type SelectedFile } from "./selected-file.ts";

/** Every selected file of a tree, by unit. */
export async function listUnits(source: DocumentSource, tree: string): Promise<Map<string, SelectedFile[]>> {
  const units = new Map<string, SelectedFile[]>();
  for await (const entry of source.mirror.listTree(tree, { signal: source.signal })) {
    const file = selectFile(source.projector, entry);
    if (file === undefined) continue;
    const files = units.get(file.unit);
    if (files === undefined) units.set(file.unit, [file]);
    else files.push(file);
  }
  return units;
}
