import type { Context } from "../context.ts";
import type { Queryable } from "../database/in-transaction.ts";
import { storable } from "../database/storable.ts";
import type { Lease } from "../queue/claim.ts";
import type { AssembledUnit } from "./assemble-unit.ts";

/**
 * Starts a segment that no version points at yet, and removes what earlier builders of this branch left half-made: one
 * that outlived its lease then has nowhere to write.
 */
export async function startSegment(db: Queryable, lease: Lease): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `with swept as (
       delete from headstart_materializer.segments where branch_id = $1 and not sealed and token < $2
     )
     insert into headstart_materializer.segments (repository_id, branch_id, token)
     select b.repository_id, b.id, $2 from headstart_materializer.branches b where b.id = $1
     returning id::text`,
    [lease.branchId, lease.token],
  );
  return rows[0]?.id ?? "";
}

/** Removes what this build wrote when nothing of it will be published. */
export async function discardSegments(db: Queryable, lease: Lease): Promise<void> {
  await db.query(
    "delete from headstart_materializer.segments where branch_id = $1 and not sealed and token = $2",
    [lease.branchId, lease.token],
  );
}

/** Writes units into an unsealed segment: all of them or none, in one statement, for most builds write very little. */
export async function writeUnits(
  context: Context,
  segment: string,
  units: readonly AssembledUnit[],
): Promise<void> {
  if (units.length === 0) return;
  const files = units.flatMap((unit) => unit.files);
  const rows = units.flatMap((unit) => unit.rows.map((row) => ({ ...row, unit: unit.unit })));
  const issues = units.flatMap(({ unit, issues: found }) =>
    found.map((issue, ordinal) => ({ ...issue, unit, ordinal })),
  );
  await context.db.query(writing, [
    segment,
    units.map((unit) => unit.unit),
    files.map((file) => file.unit),
    files.map((file) => file.path),
    files.map((file) => file.kind),
    files.map((file) => file.mode),
    files.map((file) => file.oid),
    files.map((file) => file.placeProblem ?? ""),
    rows.map((row) => row.unit),
    rows.map((row) => row.collection),
    rows.map((row) => row.key),
    rows.map((row) => JSON.stringify(row.data)),
    issues.map((issue) => issue.unit),
    issues.map((issue) => issue.ordinal),
    issues.map((issue) => storable(issue.path)),
    issues.map((issue) => issue.line),
    issues.map((issue) => issue.column),
    issues.map((issue) => issue.code),
    issues.map((issue) => storable(issue.message)),
    issues.map((issue) => issue.severity),
  ]);
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

/** Copies the units of one segment into another, but for those named. */
export async function copyUnits(
  context: Context,
  { from, to, except }: { from: string; to: string; except: readonly string[] },
): Promise<void> {
  await context.db.query(copying, [to, from, except]);
}

const copying = `
  with units as (${copyOf("segment_units", "unit")}),
    files as (${copyOf("segment_files", "unit, path, kind, mode, oid, problem")}),
    issues as (${copyOf("segment_issues", "unit, ordinal, path, line, column_number, code, message, severity")})
  ${copyOf("segment_rows", "unit, collection, key, data")}`;

function copyOf(table: string, columns: string): string {
  return `insert into headstart_materializer.${table} (segment_id, ${columns})
    select $1, ${columns} from headstart_materializer.${table} where segment_id = $2 and unit <> all($3)`;
}
