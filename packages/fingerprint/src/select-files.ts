import picomatch from "picomatch";

export interface Selection {
  /** Whether the file at `path`, relative to the root with `/`, is an input. */
  selects(path: string): boolean;
  /** Whether nothing below the folder at `path` can be an input, so that it need not be read. */
  prunes(path: string): boolean;
}

export interface SelectionPatterns {
  /** Globs in order; the last one that matches decides, and one that starts with `!` takes away. */
  readonly include?: readonly string[] | undefined;
  /** Globs of what is left out whatever `include` says. */
  readonly exclude?: readonly string[] | undefined;
}

const options = { dot: true, nonegate: true } as const;

/** Files of a root that count: all, or those that the globs choose. Files whose names start with a dot count. */
export function selection({ include = ["**"], exclude = [] }: SelectionPatterns): Selection {
  // A list that only takes away takes away from everything.
  const ordered = include[0]?.startsWith("!") ? ["**", ...include] : include;
  const rules = ordered.map((glob) => ({
    keeps: !glob.startsWith("!"),
    matches: picomatch(glob.replace(/^!/, ""), options),
  }));
  const isExcluded = exclude.length === 0 ? () => false : picomatch([...exclude], options);
  const wholeFolders = exclude.filter((glob) => glob.endsWith("/**")).map((glob) => glob.slice(0, -3));
  const isWholeFolder = wholeFolders.length === 0 ? () => false : picomatch(wholeFolders, options);
  const everything = rules.length === 1 && ordered[0] === "**";
  return {
    selects: (path) => {
      if (isExcluded(path)) return false;
      if (everything) return true;
      return rules.findLast(({ matches }) => matches(path))?.keeps ?? false;
    },
    prunes: (path) => isWholeFolder(path) || isExcluded(path),
  };
}
