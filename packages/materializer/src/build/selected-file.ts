import type { TreeEntry } from "../git/mirror.ts";
import type { Problem, Projector } from "../projector/projector.ts";

/** A file of a tree that the projector selected. `problem` is set when its content is no document at all. */
export interface SelectedFile {
  readonly path: string;
  readonly unit: string;
  readonly kind: string;
  readonly mode: string;
  readonly oid: string;
  readonly problem?: Problem | undefined;
}

/** What an entry of a tree is, before its content is read. */
export interface FileEntry {
  readonly path: string;
  readonly mode: string;
  readonly oid: string;
  readonly problem?: TreeEntry["problem"] | undefined;
}

/** A tree entry as the projector sees it, or undefined when it is none of its business. */
export function selectFile(projector: Projector, entry: FileEntry): SelectedFile | undefined {
  const selected = projector.select(entry.path);
  if (selected === null) return undefined;
  const { path, mode, oid } = entry;
  return { path, mode, oid, ...selected, problem: entryProblem(entry) };
}

/** What is wrong with an entry before its content is read, as a problem of the whole file. */
export function entryProblem({ mode, problem }: Pick<FileEntry, "mode" | "problem">): Problem | undefined {
  if (problem !== undefined)
    return whole(problem, `The path cannot be projected: ${problem.replaceAll("-", " ")}.`);
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
