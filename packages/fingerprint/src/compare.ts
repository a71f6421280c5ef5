import { type ManifestSource, parseManifest } from "./manifest.ts";

/** What differs within one root, or among the inputs that are no files. Paths are relative to the root. */
export interface RootDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** The same content under another path. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

export interface Difference {
  readonly equal: boolean;
  /** By root, in the order of their names; only roots in which something differs. */
  readonly roots: ReadonlyMap<string, RootDifference>;
  /** Names of inputs such as `version` or `env/SEED` that were added, removed or changed. */
  readonly inputs: readonly string[];
}

const inputPrefix = "@input/";

/**
 * What changed from one manifest to another. A file that disappeared here and appeared there with the same
 * content counts as renamed, within one root; empty files are too alike for that.
 *
 * @throws {FingerprintError} `MANIFEST_INVALID`
 */
export function compare(before: ManifestSource, after: ManifestSource): Difference {
  const old = byPath(before);
  const now = byPath(after);
  const roots = new Map<string, MutableDifference>();
  const inputs: string[] = [];
  const note = (path: string, kind: "added" | "removed" | "changed"): void => {
    if (path.startsWith(inputPrefix)) inputs.push(path.slice(inputPrefix.length));
    else rootOf(roots, path)[kind].push(path);
  };
  for (const [path, sha256] of old) {
    const present = now.get(path);
    if (present === undefined) note(path, "removed");
    else if (present !== sha256) note(path, "changed");
  }
  for (const path of now.keys()) if (!old.has(path)) note(path, "added");
  const named = [...roots].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    equal: roots.size === 0 && inputs.length === 0,
    roots: new Map(
      named.map(([root, difference]) => [root, relative(root, pairRenamed(difference, old, now))]),
    ),
    inputs: inputs.sort(),
  };
}

interface MutableDifference {
  added: string[];
  removed: string[];
  changed: string[];
  renamed: { from: string; to: string }[];
}

function byPath(manifest: ManifestSource): Map<string, string> {
  return new Map(parseManifest(manifest).map(({ path, sha256 }) => [path, sha256]));
}

function rootOf(roots: Map<string, MutableDifference>, path: string): MutableDifference {
  const name = path.split("/", 1)[0] ?? path;
  const known = roots.get(name) ?? { added: [], removed: [], changed: [], renamed: [] };
  roots.set(name, known);
  return known;
}

/** SHA-256 of no bytes at all. */
const emptyFile = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

type Manifest = ReadonlyMap<string, string>;

function pairRenamed(difference: MutableDifference, old: Manifest, now: Manifest): MutableDifference {
  const removedByContent = new Map<string, string[]>();
  for (const path of difference.removed) {
    const sha256 = old.get(path) ?? "";
    if (sha256 === emptyFile) continue;
    const paths = removedByContent.get(sha256) ?? [];
    paths.push(path);
    removedByContent.set(sha256, paths);
  }
  const renamed: { from: string; to: string }[] = [];
  for (const to of difference.added) {
    const from = removedByContent.get(now.get(to) ?? "")?.shift();
    if (from !== undefined) renamed.push({ from, to });
  }
  const from = new Set(renamed.map((pair) => pair.from));
  const to = new Set(renamed.map((pair) => pair.to));
  return {
    added: difference.added.filter((path) => !to.has(path)),
    removed: difference.removed.filter((path) => !from.has(path)),
    changed: difference.changed,
    renamed,
  };
}

function relative(root: string, difference: MutableDifference): RootDifference {
  const cut = (path: string): string => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path);
  return {
    added: difference.added.map(cut),
    removed: difference.removed.map(cut),
    changed: difference.changed.map(cut),
    renamed: difference.renamed.map(({ from, to }) => ({ from: cut(from), to: cut(to) })),
  };
}
