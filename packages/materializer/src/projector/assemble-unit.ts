import type { Json, KeyPath } from "../documents/json.ts";
import { loadDocument, type LoadedDocument } from "../documents/parse-document.ts";
import { NotJsonError, toJson } from "../documents/to-json.ts";
import { storableMessage, unstorableCharacter } from "../documents/storable.ts";
import type { AssembledUnit, ContentIssue, Row, UnitFile } from "./unit.ts";

/** What `assemble` found wrong, at a place that only it can name. */
export interface FoundIssue {
  /** Of one of the unit's files, or of a file that should be there. */
  readonly path: string;
  /** Where in the document of that file; `["frontMatter", …]` or `["body"]` in Markdown. The file's start by default. */
  readonly at?: KeyPath;
  /** In kebab case. */
  readonly code: string;
  readonly message: string;
  /** Default `error`. */
  readonly severity?: "error" | "warning";
}

/** A row as `assemble` gives it: anything that JSON can hold. Keys that are undefined are left out. */
export interface GivenRow {
  readonly collection: string;
  readonly key: string;
  readonly data: unknown;
}

export interface GivenUnit {
  readonly rows: readonly GivenRow[];
  readonly issues?: readonly FoundIssue[];
}

/** `files` come sorted by path, with their documents read. */
export type AssembleFiles = (unit: string, files: readonly UnitFile[]) => GivenUnit;

/** Runs the author's `assemble` on one unit; whatever it throws or gives that is no row becomes an issue. */
export function assembleUnit(
  unit: string,
  files: readonly UnitFile[],
  assemble: AssembleFiles,
): AssembledUnit {
  const ordered = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const blamed = ordered[0]?.path ?? unit;
  try {
    const loaded = new Map(ordered.map((file) => [file.path, loadDocument(file.document)]));
    const given = assemble(
      unit,
      ordered.map((file) => ({ ...file, document: loaded.get(file.path)!.value })),
    );
    const issues = (given.issues ?? []).map((issue) => placed(issue, loaded));
    return collectRows(given.rows, issues, blamed);
  } catch (error) {
    return {
      rows: [],
      issues: [threw(blamed, `assembling ${describeUnit(unit)} failed: ${messageOf(error)}`)],
    };
  }
}

export function threw(path: string, message: string): ContentIssue {
  return ofFile(path, "projector-threw", message);
}

export function ofFile(path: string, code: string, message: string): ContentIssue {
  return { path, line: null, column: null, code, message: storableMessage(message), severity: "error" };
}

export function describeUnit(unit: string): string {
  return unit === "" ? "the root folder" : unit;
}

function placed(issue: FoundIssue, loaded: ReadonlyMap<string, LoadedDocument>): ContentIssue {
  const { path, code, message, severity = "error" } = issue;
  if (!isName(path) || !isName(code)) {
    throw new TypeError("an issue needs a path and a code");
  }
  const place = issue.at === undefined ? undefined : loaded.get(path)?.placeOf(issue.at);
  const { line, column } = place ?? { line: null, column: null };
  return { path, line, column, code, message: storableMessage(String(message)), severity };
}

function collectRows(given: readonly GivenRow[], issues: ContentIssue[], blamed: string): AssembledUnit {
  const rows = new Map<string, Row>();
  for (const { collection, key, data } of given) {
    const row = checkedRow(collection, key, data);
    const id = JSON.stringify([collection, key]);
    if ("failure" in row) {
      issues.push(ofFile(blamed, "row-not-json", row.failure));
    } else if (rows.has(id)) {
      issues.push(ofFile(blamed, "duplicate-row", `${collection} ${key} is there twice`));
    } else {
      rows.set(id, row);
    }
  }
  return { rows: [...rows.values()], issues };
}

function checkedRow(collection: unknown, key: unknown, data: unknown): Row | { failure: string } {
  if (!isName(collection) || !isName(key)) {
    return {
      failure: `${String(collection)} ${String(key)}: a collection and a key are text that can be stored`,
    };
  }
  try {
    return { collection, key, data: toJson(data) satisfies Json };
  } catch (error) {
    if (!(error instanceof NotJsonError)) {
      throw error;
    }
    return { failure: `${collection} ${key}: ${error.message}` };
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && unstorableCharacter(value) === undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
