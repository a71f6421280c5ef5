import type { Context } from "../context.ts";
import { storable } from "../database/storable.ts";
import type { ContentIssue, Row } from "../projector/projector.ts";
import type { AssembledUnit } from "./assemble-unit.ts";
import { ROUND_SIZE } from "./document.ts";
import type { SelectedFile } from "./selected-file.ts";

/**
 * Writes units into an unsealed segment: in one statement, for most builds write very little, and in several where there
 * is much. What a build that dies between two of them leaves behind is swept with its segment.
 */
export async function writeUnits(
  context: Context,
  segment: string,
  units: readonly AssembledUnit[],
): Promise<void> {
  if (units.length === 0) return;
  const files = slices(filesOf(units), ({ path }) => path.length);
  const rows = slices(rowsOf(units), ({ text }) => text.length);
  const issues = slices(issuesOf(units), ({ path, message }) => path.length + message.length);
  for (let names = units.map(({ unit }) => unit); ; names = []) {
    const next = [files.next(), rows.next(), issues.next()] as const;
    const written = [
      fileColumns(next[0].value ?? []),
      rowColumns(next[1].value ?? []),
      issueColumns(next[2].value ?? []),
    ];
    if (names.length === 0 && next.every(({ done }) => done)) return;
    await context.db.query(writing, [segment, names, ...written.flat()]);
  }
}

/** Divides into as many as one statement takes. */
function* slices<T>(all: Iterable<T>, sizeOf: (one: T) => number): Generator<T[], undefined> {
  let slice: T[] = [];
  let size = 0;
  for (const one of all) {
    slice.push(one);
    size += sizeOf(one);
    if (size < ROUND_SIZE) continue;
    yield slice;
    slice = [];
    size = 0;
  }
  if (slice.length > 0) yield slice;
  return undefined;
}

function* filesOf(units: readonly AssembledUnit[]): Generator<SelectedFile> {
  for (const { files } of units) yield* files;
}

type StoredRow = Omit<Row, "data"> & { readonly unit: string; readonly text: string };

function* rowsOf(units: readonly AssembledUnit[]): Generator<StoredRow> {
  for (const { unit, rows } of units) {
    for (const { collection, key, data } of rows) yield { unit, collection, key, text: JSON.stringify(data) };
  }
}

type StoredIssue = ContentIssue & { readonly unit: string; readonly ordinal: number };

function* issuesOf(units: readonly AssembledUnit[]): Generator<StoredIssue> {
  for (const { unit, issues } of units)
    for (const [ordinal, issue] of issues.entries()) yield { ...issue, unit, ordinal };
}

function fileColumns(files: readonly SelectedFile[]): unknown[][] {
  return [
    files.map((file) => file.unit),
    files.map((file) => file.path),
    files.map((file) => file.kind),
    files.map((file) => file.mode),
    files.map((file) => file.oid),
    files.map((file) => file.placeProblem ?? ""),
  ];
}

function rowColumns(rows: readonly StoredRow[]): unknown[][] {
  return [
    rows.map((row) => row.unit),
    rows.map((row) => row.collection),
    rows.map((row) => row.key),
    rows.map((row) => row.text),
  ];
}

function issueColumns(issues: readonly StoredIssue[]): unknown[][] {
  return [
    issues.map((issue) => issue.unit),
    issues.map((issue) => issue.ordinal),
    issues.map((issue) => storable(issue.path)),
    issues.map((issue) => issue.line),
    issues.map((issue) => issue.column),
    issues.map((issue) => issue.code),
    issues.map((issue) => storable(issue.message)),
    issues.map((issue) => issue.severity),
  ];
}

const writing = `
  with units as (
    insert into headstart_materializer.segment_units (segment_id, unit) select $1, unnest($2::text[])
  ), files as (
    insert into headstart_materializer.segment_files (segment_id, unit, path, kind, mode, oid, problem)
    select $1, w.unit, w.path, w.kind, w.mode, decode(w.oid, 'hex'), w.problem
    from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
      as w (unit, path, kind, mode, oid, problem)
  ), issues as (
    insert into headstart_materializer.segment_issues
      (segment_id, unit, ordinal, path, line, column_number, code, message, severity)
    select $1, w.*
    from unnest($13::text[], $14::int[], $15::text[], $16::int[], $17::int[], $18::text[], $19::text[], $20::text[])
      as w (unit, ordinal, path, line, column_number, code, message, severity)
  )
  insert into headstart_materializer.segment_rows (segment_id, unit, collection, key, data)
  select $1, w.unit, w.collection, w.key, w.data::jsonb
  from unnest($9::text[], $10::text[], $11::text[], $12::text[]) as w (unit, collection, key, data)`;
