import type { Kinds } from "./kinds.ts";
import { describeUnit, ofFile } from "./assemble-unit.ts";
import type { ContentIssue, UnitFile } from "./unit.ts";

export interface Requirement {
  readonly kinds: Kinds;
  readonly required: readonly string[];
  /** True where a unit is the folder of its files, so that the path of what is missing can be told. */
  readonly byFolder: boolean;
}

/** One issue for each kind that the unit has to have and has not. */
export function missingFiles(
  unit: string,
  files: readonly UnitFile[],
  requirement: Requirement,
): ContentIssue[] {
  return requirement.required
    .filter((kind) => files.every((file) => file.kind !== kind))
    .map((kind) => {
      const name = requirement.byFolder ? literalName([requirement.kinds[kind]!.match].flat()) : undefined;
      const folder = unit === "" ? "" : `${unit}/`;
      const path = name === undefined ? (files[0]?.path ?? unit) : folder + name;
      return ofFile(
        path,
        "missing-file",
        `${describeUnit(unit)} has no ${kind} file, or none that could be read`,
      );
    });
}

/** The file name that every path of these globs ends in, if they name one. */
function literalName(globs: readonly string[]): string | undefined {
  const names = new Set(globs.map((glob) => glob.slice(glob.lastIndexOf("/") + 1)));
  const [name] = names;
  return names.size === 1 && name !== undefined && !/[*?[\]{}()!+@\\]/.test(name) ? name : undefined;
}
