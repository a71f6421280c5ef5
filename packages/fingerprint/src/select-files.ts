import picomatch from "picomatch";
import { FingerprintError } from "./errors.ts";

export interface Selection {
  /** Whether the file at `path`, relative to the root with `/`, is an input. */
  selects(path: string): boolean;
  /** Whether nothing below the folder at `path` can be an input, so that it need not be read. */
  prunes(path: string): boolean;
}

export interface SelectionPatterns {
  /**
   * Globs in order; the last one that matches decides, and one that starts with `!` takes away.
   *
   * @default every file, those whose names start with a dot included
   */
  readonly include?: readonly string[] | undefined;
  /** Globs of files and folders that are left out whatever `include` says. */
  readonly exclude?: readonly string[] | undefined;
}

type Matches = (path: string) => boolean;

/**
 * The same on every platform: paths have `/`, case counts, and `!` is ours. Without the flag the dots of picomatch's
 * expressions would stop at a line's end, which a name may have.
 */
const options = { dot: true, nonegate: true, windows: false, flags: "s" } as const;

/** Files of a root that count. */
export function selection({ include = ["**"], exclude = [] }: SelectionPatterns): Selection {
  // A list that only takes away takes away from everything.
  const ordered = isNegated(include[0]) ? ["**", ...include] : include;
  const rules = ordered.map((glob) => ({
    keeps: !isNegated(glob),
    matches: matcher([isNegated(glob) ? glob.slice(1) : glob]),
  }));
  const lastKeeping = ordered.findLastIndex((glob) => !isNegated(glob));
  const takenAway = ordered.slice(lastKeeping + 1).map((glob) => glob.slice(1));
  const isExcluded = matcher(exclude);
  const isEmptied = matcher([...exclude, ...takenAway].flatMap(wholeFolder));
  const everything = ordered.length === 1 && ordered[0] === "**";
  return {
    selects: (path) => {
      if (isExcluded(path)) return false;
      return everything || (rules.findLast(({ matches }) => matches(path))?.keeps ?? false);
    },
    prunes: (path) => isExcluded(path) || isEmptied(path),
  };
}

/** `!(a|b)` is a glob of its own, which matches other names than these. */
function isNegated(glob: string | undefined): boolean {
  return glob !== undefined && /^!(?!\()/.test(glob);
}

/** The folders all of whose files a glob matches. */
function wholeFolder(glob: string): string[] {
  if (glob === "**") return [];
  return glob.endsWith("/**") ? [glob.slice(0, -3)] : glob.endsWith("/") ? [glob.slice(0, -1)] : [];
}

function matcher(globs: readonly string[]): Matches {
  if (globs.length === 0) return () => false;
  // `folder/` means what is in it, as in a .gitignore.
  const complete = globs.map((glob) => (glob.endsWith("/") ? `${glob}**` : glob));
  try {
    const matches = complete.map((glob) => picomatch(glob, options));
    return (path) => matches.some((match) => match(path));
  } catch (cause) {
    throw new FingerprintError("ROOT_INVALID", `one of the globs ${JSON.stringify(globs)} cannot be read`, {
      hint: "correct it; globs are written as picomatch reads them",
      cause,
    });
  }
}
