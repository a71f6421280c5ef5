import type { GitLimits } from "../git/git-limits.ts";
import { shortened, type PathProblem } from "../git/tree-path.ts";
import type { Problem, Projector } from "../projector/projector.ts";
import { fitsKey, maxKeyBytes } from "./key-limit.ts";

/** What keeps a file from being read because of where it stands. It is stored: the path alone does not tell it. */
export type PlaceProblem = PathProblem | "unit-too-long";

/** Where a projector puts a path. */
export interface Selection {
  readonly path: string;
  readonly unit: string;
  readonly kind: string;
  readonly placeProblem?: PlaceProblem | undefined;
}

/** A file of a tree that the projector selected. `problem` is set when its content is no document at all. */
export interface SelectedFile extends Selection {
  readonly mode: string;
  readonly oid: string;
  readonly problem?: Problem | undefined;
}

/** A path of a tree as git's side tells it. */
export interface SeenPath {
  readonly path: string;
  readonly problem?: PathProblem | undefined;
}

/** A path as the projector sees it, or undefined when it is none of its business. */
export function selectPath(projector: Projector, { path, problem }: SeenPath): Selection | undefined {
  const selected = projector.select(path);
  if (selected === null) return undefined;
  const { kind, unit } = selected;
  if (fitsKey(unit)) return { path, kind, unit, placeProblem: problem };
  const short = shortened(Buffer.from(unit), maxKeyBytes);
  return { path, kind, unit: short, placeProblem: problem ?? "unit-too-long" };
}

/** A selected path with what lies there. */
export function selectedFile(
  selection: Selection,
  { mode, oid }: { readonly mode: string; readonly oid: string },
  limits: GitLimits,
): SelectedFile {
  const { path, kind, unit, placeProblem } = selection;
  const problem = placeProblem === undefined ? noFile(mode) : misplaced(placeProblem, limits);
  return { path, kind, unit, placeProblem, mode, oid, problem };
}

/** Tells files of one tree apart: two paths may be shown alike, and then one of them has a problem. */
export function placeId({ path, placeProblem }: Pick<Selection, "path" | "placeProblem">): string {
  return `${placeProblem ?? ""} ${path}`;
}

/** By path; the same on every machine. */
export function inOrder(a: SelectedFile, b: SelectedFile): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return placeId(a) < placeId(b) ? -1 : 1;
}

function misplaced(problem: PlaceProblem, { maxPathBytes, maxPathDepth }: GitLimits): Problem {
  const messages: Record<PlaceProblem, string> = {
    "invalid-utf8": "The path cannot be projected: it is no valid UTF-8. Rename the file.",
    "hostile-path": "The path cannot be projected: it leaves the tree or names git's own folder.",
    "path-too-long": `The path has more than ${maxPathBytes} bytes or ${maxPathDepth} names. Shorten it.`,
    "unit-too-long": `The unit of this path has more than ${maxKeyBytes} bytes. Shorten the path.`,
  };
  return whole(problem, messages[problem]);
}

function noFile(mode: string): Problem | undefined {
  if (mode === "120000") {
    return whole("symlink", "This is a symbolic link. Links are not followed: commit the file itself.");
  }
  if (mode === "160000") {
    return whole("submodule", "This is a submodule. Submodules are not read: commit the file itself.");
  }
  return undefined;
}

export function whole(code: string, message: string): Problem {
  return { line: null, column: null, code, message, severity: "error" };
}
