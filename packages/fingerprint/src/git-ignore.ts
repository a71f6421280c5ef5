import { existsSync, readFileSync } from "node:fs";
import ignore, { type Ignore } from "ignore";
import { type ByteString, decodeText, systemPath, textOf } from "./byte-string.ts";
import { readError } from "./read-error.ts";

/** The `.gitignore` files that apply in one folder, from the repository's top down to it. */
export interface IgnoreRules {
  /** Whether git would ignore the file at `path`, relative to the root; a folder's ends with a slash. */
  ignores(path: string): boolean;
  /** The rules in force in a folder below, given relative to the root and where it lies. */
  enter(path: string, absolute: ByteString): IgnoreRules;
}

interface Layer {
  /** From the folder of the rules down to the root: empty, or ending with a slash. */
  readonly above: string;
  /** Length of the path from the root down to the folder of the rules, with its slash. */
  readonly below: number;
  readonly rules: Ignore;
}

/** Rules in force in `root`: those of the folders above it count up to the one that holds `.git`. */
export function gitIgnoreRules(root: ByteString): IgnoreRules {
  const layers: Layer[] = [];
  let above = "";
  for (const folder of foldersOfRepository(root)) {
    const rules = readRules(folder);
    above = textOf(root.slice(folder.length))
      .replace(/^[/\\]/, "")
      .replaceAll("\\", "/");
    if (rules) layers.push({ above: above === "" ? "" : `${above}/`, below: 0, rules });
  }
  return withLayers(layers);
}

/** From the one that holds `.git` down to `root`; only `root` when none does. */
function foldersOfRepository(root: ByteString): ByteString[] {
  const folders = [root];
  for (let folder = root; !existsSync(systemPath(`${folder}/.git`));) {
    const parent = folder.replace(/\/[^/]*$/, "");
    if (parent === folder) return [root];
    folders.unshift(parent);
    folder = parent;
  }
  return folders;
}

function withLayers(layers: readonly Layer[]): IgnoreRules {
  return {
    ignores: (path) => {
      // The nearest file that has something to say decides.
      for (let index = layers.length - 1; index >= 0; index--) {
        const { above, below, rules } = layers[index] as Layer;
        const verdict = rules.test(above + path.slice(below));
        if (verdict.ignored || verdict.unignored) return verdict.ignored;
      }
      return false;
    },
    enter: (path, absolute) => {
      const rules = readRules(absolute);
      return rules
        ? withLayers([...layers, { above: "", below: path.length + 1, rules }])
        : withLayers(layers);
    },
  };
}

function readRules(folder: ByteString): Ignore | undefined {
  const file = `${folder}/.gitignore`;
  try {
    return ignore({ ignorecase: false }).add(decodeText(readFileSync(systemPath(file))));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw readError(file, cause);
  }
}
