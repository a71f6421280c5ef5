import { isAbsolute, relative, resolve, sep } from "node:path";
import { bytesOf } from "./byte-string.ts";
import type { RootInput } from "./walk-root.ts";

/**
 * Whether a file would be one of the root's, by its path alone: it need not exist. Tells who writes files where
 * to keep them out of what is fingerprinted.
 *
 * @param path relative to the present folder unless it is absolute
 * @throws {FingerprintError} `ROOT_INVALID`, `FILE_UNREADABLE`
 */
export async function rootSelects(root: RootInput, path: string): Promise<boolean> {
  const top = resolve(root.path);
  const below = relative(top, resolve(path)).split(sep).join("/");
  if (below === "") return true;
  const steps = below.split("/");
  if (isAbsolute(below) || steps[0] === ".." || steps.includes(".git")) return false;
  const { selection } = await import("./select-files.ts");
  const selected = selection(root);
  const folders = steps.slice(0, -1).map((_, index) => steps.slice(0, index + 1).join("/"));
  if (folders.some((folder) => selected.prunes(folder)) || !selected.selects(below)) return false;
  if (!root.gitignore) return true;
  const { gitIgnoreRules } = await import("./git-ignore.ts");
  let rules = gitIgnoreRules(bytesOf(top));
  for (const folder of folders) {
    if (rules.ignores(`${folder}/`)) return false;
    rules = rules.enter(bytesOf(folder), bytesOf(`${top}/${folder}`));
  }
  return !rules.ignores(below);
}
