import type { DocumentLimits } from "../documents/document-limits.ts";
import { documentFormats, parseDocument } from "../documents/parse-document.ts";
import type { Parsed } from "../documents/problem.ts";
import { assembleUnit, threw, type AssembleFiles, type GivenUnit } from "./assemble-unit.ts";
import type { Kinds, TypedFile } from "./kinds.ts";
import { ProjectorDefinitionError } from "./projector-definition-error.ts";
import { projectorIdentity } from "./projector-identity.ts";
import { missingFiles } from "./required-files.ts";
import { directoryOf, fileSelector, unitAnswer, type UnitOf } from "./select-file.ts";
import type { AssembledUnit, ContentIssue, SelectedFile, UnitFile } from "./unit.ts";

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

export interface ProjectorOptions<K extends Kinds> {
  readonly name: string;
  /** Change it with every change of `assemble`, `unit`, or a `refine` or `trim` in a schema. */
  readonly revision: string;
  /** Default `strict`. */
  readonly policy?: "strict" | "lenient";
  readonly kinds: K;
  /** Which files are assembled together. Default: those of one folder. */
  readonly unit?: (path: string, kind: keyof K & string) => string;
  /** Kinds that every unit has to have: without them it is not assembled, and `missing-file` says so. */
  readonly required?: readonly (keyof K & string)[];
  /** Pure: the same files give the same rows, on every machine. `files` come sorted by path. */
  assemble(unit: string, files: readonly TypedFile<K>[]): GivenUnit;
}

/**
 * Describes how files become rows. The documents that `assemble` sees have the types of the kinds' schemas.
 *
 * @throws ProjectorDefinitionError where a name, a glob or a schema cannot be used.
 */
export function defineProjector<K extends Kinds>(options: ProjectorOptions<K>): Projector {
  const { name, revision, kinds, policy = "strict", required = [] } = options;
  checkNames(name, revision, kinds, required);
  checkChoice(name, "policy", policy, ["strict", "lenient"]);
  for (const [kind, { format }] of Object.entries(kinds))
    checkChoice(name, `format of kind ${kind}`, format, documentFormats);
  const unitOf = (options.unit ?? directoryOf) as UnitOf;
  const requirement = { kinds, required, byFolder: options.unit === undefined };
  // Files reach `assemble` only after the schema of their kind gave them the type that it declares.
  const assemble: AssembleFiles = (unit, files) => options.assemble(unit, files as unknown as TypedFile<K>[]);

  return {
    name,
    revision,
    policy,
    identity: projectorIdentity({ name, revision, policy, kinds, required }),
    select: fileSelector(kinds, unitOf),
    parse(bytes, { kind, limits }) {
      return Object.hasOwn(kinds, kind)
        ? parseDocument(bytes, kinds[kind]!, limits)
        : unknownKind(name, kind);
    },
    assemble(unit, files) {
      const astray = filesAstray(files, unitOf);
      const rest = files.filter(({ path }) => astray.every((issue) => issue.path !== path));
      const missing = rest.length === 0 ? [] : missingFiles(unit, rest, requirement);
      const { rows, issues } =
        rest.length === 0 || missing.length > 0
          ? { rows: [], issues: missing }
          : assembleUnit(unit, rest, assemble);
      return { rows, issues: [...astray, ...issues] };
    },
  };
}

/** Files that are here only because the author's `unit` failed for them. */
function filesAstray(files: readonly UnitFile[], unitOf: UnitOf): ContentIssue[] {
  return files.flatMap(({ path, kind }) => {
    const answer = unitAnswer(unitOf, path, kind);
    return "failure" in answer ? [threw(path, answer.failure)] : [];
  });
}

function unknownKind(name: string, kind: string): Parsed {
  const message = `projector ${name} has no kind ${kind}`;
  return { problems: [{ line: null, column: null, code: "projector-threw", message, severity: "error" }] };
}

/** The type of these says it too, to whom a compiler reads it. */
function checkChoice(name: string, what: string, given: string, allowed: readonly string[]): void {
  if (allowed.includes(given)) return;
  throw new ProjectorDefinitionError(
    `the ${what} of projector ${name} is ${JSON.stringify(given)}`,
    `write one of ${allowed.map((choice) => JSON.stringify(choice)).join(", ")}`,
  );
}

function checkNames(name: string, revision: string, kinds: Kinds, required: readonly string[]): void {
  if (name === "" || revision === "") {
    throw new ProjectorDefinitionError(
      "a projector needs a name and a revision",
      'give both as text, revision say "1"',
    );
  }
  if (Object.keys(kinds).length === 0) {
    throw new ProjectorDefinitionError(
      `projector ${name} has no kinds`,
      "name at least one kind of file in `kinds`",
    );
  }
  const unknown = required.find((kind) => !Object.hasOwn(kinds, kind));
  if (unknown !== undefined) {
    throw new ProjectorDefinitionError(
      `projector ${name} requires a kind that it does not have: ${unknown}`,
      `name one of ${Object.keys(kinds).join(", ")}`,
    );
  }
}
