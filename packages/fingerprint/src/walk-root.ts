import { type Dirent, existsSync, readdirSync, realpathSync, statSync, type Stats } from "node:fs";
import { sep } from "node:path";
import { FingerprintError } from "./errors.ts";
import { gitIgnoreRules, type IgnoreRules } from "./git-ignore.ts";
import { selection, type Selection, type SelectionPatterns } from "./select-files.ts";

/** Files below a folder, or one file, that together are one named input. */
export interface RootInput extends SelectionPatterns {
  /** A folder or a file; a symbolic link is followed. */
  readonly path: string;
  /** Leaves out what git ignores. @default false */
  readonly gitignore?: boolean | undefined;
  /** `lf` hashes text files as if they were checked out with LF. @default the bytes as they are */
  readonly eol?: "lf" | undefined;
}

export interface FoundFile {
  /** `<root>/<path below it>`, with `/`. */
  readonly path: string;
  /** Where to read it. */
  readonly absolute: string;
  readonly eol: "lf" | undefined;
  /** Empty until it is known. */
  sha256: string;
}

/** Entries read between two looks at the signal and at the event loop. */
const batch = 2_000;

/**
 * Lists the selected files of a root.
 *
 * @throws {FingerprintError} `ROOT_MISSING`, `NOTHING_SELECTED`, `LINK_BROKEN`, `LINK_CYCLE`, `FILE_SPECIAL`,
 * `FILE_UNREADABLE`, `PATH_NOT_UNICODE`
 */
export async function walkRoot(name: string, input: RootInput, signal?: AbortSignal): Promise<FoundFile[]> {
  const root = resolveRoot(name, input.path);
  if (root.stats.isFile()) return [{ path: name, absolute: root.path, eol: input.eol, sha256: "" }];
  if (!root.stats.isDirectory()) throw special(root.path);
  const walk: Walk = { name, selected: selection(input), eol: input.eol, files: [], entries: 0, signal };
  const rules = input.gitignore ? gitIgnoreRules(root.path) : undefined;
  await walkFolder(walk, { absolute: root.path, relative: "", rules, above: [] });
  if (walk.files.length === 0) {
    throw new FingerprintError("NOTHING_SELECTED", `root "${name}" selects no file in "${input.path}"`, {
      hint: "correct its include and exclude globs, or remove the root",
    });
  }
  return walk.files;
}

interface Walk {
  readonly name: string;
  readonly selected: Selection;
  readonly eol: "lf" | undefined;
  readonly files: FoundFile[];
  entries: number;
  readonly signal: AbortSignal | undefined;
}

interface Folder {
  readonly absolute: string;
  /** Empty for the root itself. */
  readonly relative: string;
  readonly rules: IgnoreRules | undefined;
  /** Absolute paths of the folders that lead here. */
  readonly above: readonly string[];
}

async function walkFolder(walk: Walk, folder: Folder): Promise<void> {
  const folders: Place[] = [];
  for (const entry of readFolder(folder.absolute)) {
    // A repository's own data is never an input: it changes with every git command.
    if (entry.name === ".git") continue;
    const place = visit(walk, folder, entry);
    if (place) folders.push(place);
    walk.entries += 1;
  }
  if (walk.entries >= batch) {
    walk.entries = 0;
    await new Promise(setImmediate);
    walk.signal?.throwIfAborted();
  }
  for (const place of folders) await enter(walk, folder, place);
}

/** Notes a file; a folder is handed back, to be entered. */
function visit(walk: Walk, folder: Folder, entry: Dirent): Place | undefined {
  const absolute = `${folder.absolute}${sep}${entry.name}`;
  const relative = folder.relative === "" ? entry.name : `${folder.relative}/${entry.name}`;
  if (entry.isFile()) return keep(walk, folder, { absolute, relative });
  if (entry.isDirectory()) return { absolute, relative };
  // Whether a name that is not selected leads anywhere is nobody's concern.
  if (walk.selected.prunes(relative) || folder.rules?.ignores(absolute, false)) return undefined;
  const target = entry.isSymbolicLink() ? statLink(absolute) : undefined;
  if (target?.isDirectory()) return { absolute, relative, linked: true };
  if (target?.isFile()) return keep(walk, folder, { absolute, relative });
  if (!walk.selected.selects(relative)) return undefined;
  throw entry.isSymbolicLink() && target === undefined ? brokenLink(absolute) : special(absolute);
}

interface Place {
  readonly absolute: string;
  readonly relative: string;
  /** Whether a symbolic link leads there. */
  readonly linked?: boolean;
}

function keep(walk: Walk, { rules }: Folder, { absolute, relative }: Place): undefined {
  if (!walk.selected.selects(relative) || rules?.ignores(absolute, false)) return undefined;
  // Names that are no UTF-8 are decoded with this mark, and then lead nowhere.
  if (absolute.includes("\ufffd") && !existsSync(absolute)) throw notUnicode(absolute);
  walk.files.push({ path: `${walk.name}/${relative}`, absolute, eol: walk.eol, sha256: "" });
  return undefined;
}

async function enter(walk: Walk, folder: Folder, { absolute, relative, linked }: Place): Promise<void> {
  if (walk.selected.prunes(relative) || folder.rules?.ignores(absolute, true)) return;
  const above = [...folder.above, folder.absolute];
  if (linked) refuseCycle(absolute, above);
  await walkFolder(walk, { absolute, relative, rules: folder.rules?.enter(absolute), above });
}

/** A folder that is one of those that lead to it would never end. Only links lead back, and links are resolved. */
function refuseCycle(absolute: string, above: readonly string[]): void {
  const real = realpathSync(absolute);
  const again = above.find((folder) => folder === real || realpathSync(folder) === real);
  if (again === undefined) return;
  throw new FingerprintError("LINK_CYCLE", `"${absolute}" links back to "${again}", which contains it`, {
    hint: "exclude the link, or remove it",
  });
}

function readFolder(absolute: string): Dirent[] {
  try {
    return readdirSync(absolute, { withFileTypes: true });
  } catch (cause) {
    throw unreadable(absolute, cause);
  }
}

function resolveRoot(name: string, path: string): { path: string; stats: Stats } {
  try {
    const real = realpathSync(path);
    return { path: real, stats: statSync(real) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw unreadable(path, cause);
    throw new FingerprintError("ROOT_MISSING", `root "${name}" is "${path}", which does not exist`, {
      hint: "correct the path; it is taken relative to the present folder unless it is absolute",
      cause,
    });
  }
}

function statLink(absolute: string): Stats | undefined {
  try {
    return statSync(absolute);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "ELOOP") {
      throw new FingerprintError("LINK_CYCLE", `"${absolute}" is a link that leads to itself`, {
        hint: "exclude the link, or remove it",
        cause,
      });
    }
    throw unreadable(absolute, cause);
  }
}

function brokenLink(path: string): FingerprintError {
  return new FingerprintError("LINK_BROKEN", `"${path}" links to something that does not exist`, {
    hint: "restore what it links to, exclude the link, or remove it",
  });
}

function special(path: string): FingerprintError {
  return new FingerprintError("FILE_SPECIAL", `"${path}" is neither a file nor a folder`, {
    hint: "exclude it: a pipe, socket or device has no content to compare",
  });
}

function notUnicode(path: string): FingerprintError {
  return new FingerprintError("PATH_NOT_UNICODE", `the name of "${path}" is no valid UTF-8`, {
    hint: "rename or exclude the file; a manifest is UTF-8 text",
  });
}

export function unreadable(path: string, cause: unknown): FingerprintError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new FingerprintError("FILE_UNREADABLE", `"${path}" cannot be read (${code})`, {
    hint: "give yourself the right to read it, or exclude it",
    cause,
  });
}
