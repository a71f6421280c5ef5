import { resolveLimits } from "../git/git-limits.ts";
import type { DocumentSource } from "./read-documents.ts";
import { selectedFile, selectPath, type SelectedFile } from "./selected-file.ts";

/** Every selected file of a tree, by unit, and how many files the tree has in all. */
export async function listUnits(
  source: DocumentSource,
  tree: string,
): Promise<{ units: Map<string, SelectedFile[]>; treeFiles: number }> {
  const units = new Map<string, SelectedFile[]>();
  const limits = resolveLimits(source.context.mirrors.settings.limits);
  let treeFiles = 0;
  for await (const entry of source.mirror.listTree(tree, { signal: source.signal })) {
    treeFiles += 1;
    const selection = selectPath(source.projector, entry);
    if (selection === undefined) continue;
    const file = selectedFile(selection, entry, limits);
    const files = units.get(file.unit);
    if (files === undefined) units.set(file.unit, [file]);
    else files.push(file);
  }
  return { units, treeFiles };
}
