import { lstatSync, realpathSync, statSync, type Stats } from "node:fs";
import { isAbsolute, sep } from "node:path";
import { type ByteString, bytesOf, systemPath, textOf } from "./byte-string.ts";
import { FingerprintError } from "./errors.ts";
import type { IgnoreRules } from "./git-ignore.ts";
import type { EndOfLine } from "./hash-file.ts";
import { type FolderEntry, readFolder } from "./read-folder.ts";
import { readError, specialFile } from "./read-error.ts";
import type { Selection, SelectionPatterns } from "./select-files.ts";
import type { Turns } from "./turns.ts";

/** Files below a folder, or one file, that together are one named input. */
export interface RootInput extends SelectionPatterns {
  /** A folder or a file; a symbolic link is followed. */
  readonly path: string;
  /** Leaves out what the `.gitignore` files of the repository ignore. @default false */
  readonly gitignore?: boolean | undefined;
  /** `lf` hashes text files as if they were checked out with LF. @default the bytes as they are */
  readonly eol?: "lf" | undefined;
}

/** The selected files of a root. Paths are what there are many of, so nothing else is kept for each. */
export interface FoundRoot {
  /** What the paths in the manifest begin with: the name, and a slash when the root is a folder. */
  readonly name: ByteString;
  /** The same for the paths on disk. */
  readonly absolute: ByteString;
  readonly eol: EndOfLine;
  /** Paths below the root in the order of their bytes; one empty path when the root is a file. */
  readonly paths: readonly ByteString[];
}

/**
 * Lists the selected files of a root.
 *
 * @throws {FingerprintError} `ROOT_MISSING`, `ROOT_INVALID`, `NOTHING_SELECTED`, `LINK_BROKEN`, `LINK_CYCLE`,
 * `FILE_SPECIAL`, `FILE_UNREADABLE`, `FILE_UNSETTLED`
 */
export async function walkRoot(name: string, input: RootInput, turns: Turns): Promise<FoundRoot> {
  const root = resolveRoot(name, input.path);
  const { eol } = input;
  if (root.stats.isFile()) return { name: bytesOf(name), absolute: root.absolute, eol, paths: [""] };
  if (!root.stats.isDirectory()) throw specialFile(root.absolute);
  const walk: Walk = { selected: await selectionOf(input), paths: [], turns };
  await walkFolder(walk, {
    absolute: root.absolute,
    path: "",
    rules: input.gitignore ? await ignoreRulesOf(root.absolute) : undefined,
    above: undefined,
  });
  if (walk.paths.length > 0) {
    return { name: `${bytesOf(name)}/`, absolute: `${root.absolute}/`, eol, paths: walk.paths };
  }
  throw new FingerprintError("NOTHING_SELECTED", `root "${name}" selects no file in "${input.path}"`, {
    hint: "correct its include and exclude globs, or remove the root",
  });
}

/** The matchers are loaded when they are asked for: many roots do without, and a program starts sooner. */
async function selectionOf(patterns: SelectionPatterns): Promise<Selection | undefined> {
  if (!patterns.include && !patterns.exclude?.length) return undefined;
  const { selection } = await import("./select-files.ts");
  return selection(patterns);
}

async function ignoreRulesOf(root: ByteString): Promise<IgnoreRules> {
  const { gitIgnoreRules } = await import("./git-ignore.ts");
  return gitIgnoreRules(root);
}

interface Walk {
  /** Absent when every file counts. */
  readonly selected: Selection | undefined;
  readonly paths: ByteString[];
  readonly turns: Turns;
}

interface Folder {
  readonly absolute: ByteString;
  /** Relative to the root, with a slash at its end; empty for the root itself. */
  readonly path: ByteString;
  readonly rules: IgnoreRules | undefined;
  /** The folder that it was reached from. */
  readonly above: Folder | undefined;
}

interface Place {
  /** Relative to the root. */
  readonly path: ByteString;
  /** Its name, with a slash when it is a folder. */
  readonly order: ByteString;
  readonly isFolder: boolean;
  readonly isLink: boolean;
}

async function walkFolder(walk: Walk, folder: Folder): Promise<void> {
  if (walk.turns.due) await walk.turns.pause();
  for (const { path, isFolder, isLink } of placesIn(walk, folder)) {
    if (!isFolder) {
      walk.paths.push(path);
      continue;
    }
    const absolute = `${folder.absolute}/${path.slice(folder.path.length)}`;
    if (isLink) refuseCycle(absolute, folder);
    const rules = folder.rules?.enter(textOf(path), absolute);
    await walkFolder(walk, { absolute, path: `${path}/`, rules, above: folder });
  }
}

/** Selected files and the folders to enter. Sorted like this, a walk meets all paths in the order of their bytes. */
function placesIn(walk: Walk, folder: Folder): Place[] {
  const places: Place[] = [];
  for (const entry of readFolder(folder.absolute)) {
    const place = placeOf(walk, folder, entry);
    if (place) places.push(place);
  }
  return places.sort((a, b) => (a.order < b.order ? -1 : 1));
}

function placeOf(walk: Walk, folder: Folder, entry: FolderEntry): Place | undefined {
  const { name } = entry;
  // A repository's own data is never an input: it changes with every git command.
  if (name === ".git") return undefined;
  const path = folder.path + name;
  if (entry.isFile()) {
    return isSelected(walk, folder, path) ? { path, order: name, isFolder: false, isLink: false } : undefined;
  }
  if (entry.isDirectory()) {
    if (!isEntered(walk, folder, path, "/")) return undefined;
    return { path, order: `${name}/`, isFolder: true, isLink: false };
  }
  // Git takes a link for a file, wherever it leads.
  if (entry.isSymbolicLink() && !isEntered(walk, folder, path, "")) return undefined;
  const absolute = `${folder.absolute}/${name}`;
  const target = entry.isSymbolicLink() ? followLink(absolute) : undefined;
  if (target instanceof FingerprintError || !target?.isDirectory()) {
    // Whether a name that is not selected leads anywhere is nobody's concern.
    if (!isSelected(walk, folder, path)) return undefined;
    if (target instanceof FingerprintError) throw target;
    if (!target?.isFile()) throw specialFile(absolute);
    return { path, order: name, isFolder: false, isLink: true };
  }
  return { path, order: `${name}/`, isFolder: true, isLink: true };
}

function isSelected({ selected }: Walk, { rules }: Folder, path: ByteString): boolean {
  if (!selected && !rules) return true;
  const text = textOf(path);
  return (selected?.selects(text) ?? true) && !rules?.ignores(text);
}

/** @param ending a slash, which is how git's rules know a folder, or nothing for a link to one */
function isEntered({ selected }: Walk, { rules }: Folder, path: ByteString, ending: "/" | ""): boolean {
  if (!selected && !rules) return true;
  const text = textOf(path);
  return !selected?.prunes(text) && !rules?.ignores(text + ending);
}

/** What a link leads to, or why it leads nowhere. */
function followLink(absolute: ByteString): Stats | FingerprintError {
  try {
    return statSync(systemPath(absolute));
  } catch (cause) {
    return linkError(absolute, cause);
  }
}

function linkError(absolute: ByteString, cause: unknown): FingerprintError {
  const { code } = cause as NodeJS.ErrnoException;
  const name = textOf(absolute);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new FingerprintError("LINK_BROKEN", `"${name}" links to something that does not exist`, {
      hint: "restore what it links to, exclude the link, or remove it",
      cause,
    });
  }
  if (code === "ELOOP") {
    return new FingerprintError("LINK_CYCLE", `"${name}" is a link that leads to itself`, {
      hint: "exclude the link, or remove it",
      cause,
    });
  }
  return readError(absolute, cause);
}

/** A folder below itself would never end. Only links lead back, so only they are looked at. */
function refuseCycle(absolute: ByteString, from: Folder): void {
  const real = realPath(absolute);
  for (let above: Folder | undefined = from; above; above = above.above) {
    if (realPath(above.absolute) !== real) continue;
    const [link, target] = [textOf(absolute), textOf(above.absolute)];
    throw new FingerprintError("LINK_CYCLE", `"${link}" links back to "${target}", which contains it`, {
      hint: "exclude the link, or remove it",
    });
  }
}

/** The variant that is not native takes bytes for UTF-8. */
function realPath(path: ByteString): ByteString {
  const real = realpathSync.native(systemPath(path), { encoding: "buffer" }).toString("latin1");
  return sep === "/" ? real : real.replaceAll(sep, "/");
}

function resolveRoot(name: string, path: string): { absolute: ByteString; stats: Stats } {
  if (path.includes("\0")) {
    throw new FingerprintError("ROOT_INVALID", `the path of root "${name}" holds a NUL`, {
      hint: "correct the path",
    });
  }
  const bytes = bytesOf(path);
  try {
    const absolute = realPath(bytes);
    return { absolute, stats: statSync(systemPath(absolute)) };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (isLink(bytes)) throw linkError(bytes, cause);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw readError(bytes, cause);
    throw new FingerprintError("ROOT_MISSING", `root "${name}" is "${path}", which does not exist`, {
      hint: isAbsolute(path)
        ? "correct the path"
        : `correct the path; it is taken relative to the present folder, "${process.cwd()}"`,
      cause,
    });
  }
}

function isLink(path: ByteString): boolean {
  try {
    return lstatSync(systemPath(path)).isSymbolicLink();
  } catch {
    return false;
  }
}
