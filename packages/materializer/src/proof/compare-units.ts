import { isDeepStrictEqual } from "node:util";
import type { AssembledUnit } from "../build/assemble-unit.ts";
import { storable } from "../database/storable.ts";
import type { Queryable } from "../database/in-transaction.ts";
import type { ContentIssue, Json, Row } from "../projector/projector.ts";

/** One place where what is stored is not what git gives. */
export interface Difference {
  /** `missing`: git has it, the version does not. `extra`: the reverse. `different`: both have it, unequal. */
  readonly kind: "missing" | "extra" | "different";
  readonly what: "file" | "row" | "issue";
  readonly unit: string;
  /** A path, or `collection key`. */
  readonly name: string;
  readonly expected?: Json;
  readonly stored?: Json;
}

interface Fact {
  readonly what: Difference["what"];
  readonly unit: string;
  readonly name: string;
  /** Of a file: two paths may be shown alike, and then one of them has a problem. */
  readonly problem?: string | undefined;
  readonly value: Json;
}

type Facts = Map<string, Fact>;

/** Compares assembled units with what a version holds of them. */
export async function compareUnits(
  db: Queryable,
  version: string,
  units: readonly AssembledUnit[],
): Promise<Difference[]> {
  const expected: Facts = new Map();
  for (const unit of units) addUnit(expected, unit);
  const stored = await storedUnits(
    db,
    version,
    units.map((unit) => unit.unit),
  );
  const differences: Difference[] = [];
  for (const [id, { what, unit, name, value }] of expected) {
    const found = stored.get(id);
    if (found === undefined) differences.push({ kind: "missing", what, unit, name, expected: value });
    else if (!isDeepStrictEqual(found.value, value)) {
      differences.push({ kind: "different", what, unit, name, expected: value, stored: found.value });
    }
  }
  for (const [id, { what, unit, name, value }] of stored) {
    if (!expected.has(id)) differences.push({ kind: "extra", what, unit, name, stored: value });
  }
  return differences;
}

function addUnit(facts: Facts, { unit, files, rows, issues }: AssembledUnit): void {
  for (const { path, kind, mode, oid, placeProblem = "" } of files)
    add(facts, { what: "file", unit, name: path, problem: placeProblem, value: [kind, mode, oid] });
  for (const row of rows) add(facts, { what: "row", unit, name: rowName(row), value: normal(row.data) });
  for (const [ordinal, issue] of issues.entries()) {
    add(facts, {
      what: "issue",
      unit,
      name: `${storable(issue.path)} #${ordinal}`,
      value: issueValue(issue),
    });
  }
}

function add(facts: Facts, fact: Fact): void {
  facts.set(JSON.stringify([fact.what, fact.unit, fact.name, fact.problem ?? ""]), fact);
}

function rowName({ collection, key }: Pick<Row, "collection" | "key">): string {
  return `${collection} ${JSON.stringify(key)}`;
}

/** What comes back from the server: without undefined, negative zero and the like. */
function normal(data: Json): Json {
  return JSON.parse(JSON.stringify(data)) as Json;
}

function issueValue({ line, column, code, message, severity }: ContentIssue): Json {
  return [line, column, code, storable(message), severity];
}

async function storedUnits(db: Queryable, version: string, units: readonly string[]): Promise<Facts> {
  const facts: Facts = new Map();
  const values = [version, units];
  const where = "where version_id = $1 and unit = any($2)";
  const files = await db.query<{
    unit: string;
    path: string;
    kind: string;
    mode: string;
    oid: string;
    problem: string;
  }>(
    `select unit, path, kind, mode, encode(oid, 'hex') as oid, problem
     from headstart_materializer.version_files ${where}`,
    values,
  );
  for (const { unit, path, kind, mode, oid, problem } of files.rows)
    add(facts, { what: "file", unit, name: path, problem, value: [kind, mode, oid] });
  const rows = await db.query<Row & { unit: string }>(
    `select unit, collection, key, data from headstart_materializer.version_rows ${where}`,
    values,
  );
  for (const row of rows.rows)
    add(facts, { what: "row", unit: row.unit, name: rowName(row), value: row.data });
  const issues = await db.query<ContentIssue & { unit: string; ordinal: number }>(
    `select unit, ordinal, path, line, column_number as "column", code, message, severity
     from headstart_materializer.version_issues ${where}`,
    values,
  );
  for (const issue of issues.rows) {
    add(facts, {
      what: "issue",
      unit: issue.unit,
      name: `${issue.path} #${issue.ordinal}`,
      value: issueValue(issue),
    });
  }
  return facts;
}
