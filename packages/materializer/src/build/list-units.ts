import type { DocumentSource } from "./read-documents.ts";
import { selectFile, type SelectedFile } from "./selected-file.ts";

/** Every selected file of a tree, by unit, and how many files the tree has in all. */
export async function listUnits(
  source: DocumentSource,
  tree: string,
): Promise<{ units: Map<string, SelectedFile[]>; treeFiles: number }> {
  const units = new Map<string, SelectedFile[]>();
  let treeFiles = 0;
  for await (const entry of source.mirror.listTree(tree, { signal: source.signal })) {
    treeFiles += 1;
    const file = selectFile(source.projector, entry);
    if (file === undefined) continue;
    const files = units.get(file.unit);
    if (files === undefined) units.set(file.unit, [file]);
    else files.push(file);
  }
  return { units, treeFiles };
}
