import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import ignore, { type Ignore } from "ignore";

/** The `.gitignore` files that apply in one folder, from the repository's top down to it. */
export interface IgnoreRules {
  /** Whether git would ignore `path`, an absolute path; a folder is asked with `isFolder`. */
  ignores(path: string, isFolder: boolean): boolean;
  /** The rules of a folder below. */
  enter(folder: string): IgnoreRules;
}

interface Layer {
  readonly folder: string;
  readonly rules: Ignore;
}

/** Rules in force in `root`: those of the folders above it count up to the one that holds `.git`. */
export function gitIgnoreRules(root: string): IgnoreRules {
  const folders = [root];
  for (let folder = root; !existsSync(join(folder, ".git"));) {
    folder = dirname(folder);
    if (folders.at(-1) === folder) return withLayers([]).enter(root);
    folders.push(folder);
  }
  return folders.toReversed().reduce((rules, folder) => rules.enter(folder), withLayers([]));
}

function withLayers(layers: readonly Layer[]): IgnoreRules {
  return {
    ignores: (path, isFolder) => {
      // The nearest file that has something to say decides.
      for (const { folder, rules } of layers.toReversed()) {
        const local = relative(folder, path).split(sep).join("/") + (isFolder ? "/" : "");
        const verdict = rules.test(local);
        if (verdict.ignored || verdict.unignored) return verdict.ignored;
      }
      return false;
    },
    enter: (folder) => {
      const layer = readLayer(folder);
      return layer ? withLayers([...layers, layer]) : withLayers(layers);
    },
  };
}

function readLayer(folder: string): Layer | undefined {
  const file = join(folder, ".gitignore");
  return existsSync(file) ? { folder, rules: ignore().add(readFileSync(file, "utf8")) } : undefined;
}
