import picomatch from "picomatch";
import { unstorableCharacter } from "../documents/storable.ts";
import type { Kinds } from "./kinds.ts";
import { ProjectorDefinitionError } from "./projector-definition-error.ts";
import type { SelectedFile } from "./unit.ts";

export type UnitOf = (path: string, kind: string) => string;

/** The unit of a file, or why the author's function named none. */
export type UnitAnswer = { unit: string } | { failure: string };

/** The file's directory; files at the root share the unit "". */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

export function unitAnswer(unitOf: UnitOf, path: string, kind: string): UnitAnswer {
  try {
    const unit: unknown = unitOf(path, kind);
    if (typeof unit !== "string") {
      return { failure: `unit gave ${typeof unit} and not a string` };
    }
    const character = unstorableCharacter(unit);
    return character === undefined ? { unit } : { failure: `unit gave a text with ${character}` };
  } catch (error) {
    return { failure: `unit failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A file whose unit is unknown becomes a unit by its own path, where `assemble` says why. */
export function fileSelector(kinds: Kinds, unitOf: UnitOf): (path: string) => SelectedFile | null {
  const matchers = Object.entries(kinds).map(([kind, { match }]) => ({
    kind,
    matches: matcher(kind, [match].flat()),
  }));
  return (path) => {
    const kind = matchers.find(({ matches }) => matches(path))?.kind;
    if (kind === undefined) {
      return null;
    }
    const answer = unitAnswer(unitOf, path, kind);
    return { kind, unit: "unit" in answer ? answer.unit : path };
  };
}

/** Paths in git are bytes with `/`: a backslash, a newline or a leading dot is a character like any other. */
function matcher(kind: string, globs: readonly string[]): (path: string) => boolean {
  try {
    const matches = globs.map((glob) =>
      picomatch(glob, { dot: true, windows: false, nonegate: true, flags: "s" }),
    );
    return (path) => matches.some((each) => each(path));
  } catch (error) {
    throw new ProjectorDefinitionError(
      `a glob of kind ${kind} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      "correct `match`; globs are written as picomatch reads them",
      error,
    );
  }
}
