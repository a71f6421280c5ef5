import type { DocumentLimits } from "../documents/document-limits.ts";
import type { Parsed } from "../documents/problem.ts";
import type { AssembledUnit, SelectedFile, UnitFile } from "./unit.ts";

export type { DocumentLimits } from "../documents/document-limits.ts";
export type { Json } from "../documents/json.ts";
export type { Parsed, Problem } from "../documents/problem.ts";
export type { AssembledUnit, ContentIssue, Row, SelectedFile, UnitFile } from "./unit.ts";

/** Files to rows, as a pure function: it is called on any machine, in any order, and its results are cached. */
export interface Projector {
  readonly name: string;
  /** The author's. It has to change whenever code changes what comes out. */
  readonly revision: string;
  /** Hex digest of everything that decides what comes out. Another identity is another projection. */
  readonly identity: string;
  /** `strict`: any error blocks the version. `lenient`: bad files are left out of it and flagged. */
  readonly policy: "strict" | "lenient";
  /** `path` is relative to the repository's root, with `/`. Null: no file of this projector. Never throws. */
  select(path: string): SelectedFile | null;
  /** Never sees the path, so the result belongs to the blob. Never throws. */
  parse(bytes: Uint8Array, context: { kind: string; limits: DocumentLimits }): Parsed;
  /** Never throws: what the author's code throws is an issue of the unit. */
  assemble(unit: string, files: readonly UnitFile[]): AssembledUnit;
}
