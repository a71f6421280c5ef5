import type pg from "pg";
import type { Context } from "../context.ts";
import { inTransaction, type Queryable } from "../database/in-transaction.ts";
import { storable } from "../database/storable.ts";
import type { Lease } from "../queue/claim.ts";
import type { AssembledUnit } from "./assemble-unit.ts";

/**
 * Starts a segment that no version points at yet. It belongs to a lease: the next holder of the branch removes what
 * this one left unsealed, and a builder that outlived its lease then has nowhere to write.
 */
export async function startSegment(db: Queryable, lease: Lease): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `insert into headstart_materializer.segments (repository_id, branch_id, token)
     select b.repository_id, b.id, $2 from headstart_materializer.branches b where b.id = $1
     returning id::text`,
    [lease.branchId, lease.token],
  );
  return rows[0]?.id ?? "";
}

/** Removes what earlier builders of this branch left half-made. */
export async function sweepSegments(db: Queryable, lease: Lease): Promise<void> {
  await db.query(
    "delete from headstart_materializer.segments where branch_id = $1 and not sealed and token < $2",
    [lease.branchId, lease.token],
  );
}

/** Removes what this build wrote when nothing of it will be published. */
export async function discardSegments(db: Queryable, lease: Lease): Promise<void> {
  await db.query(
    "delete from headstart_materializer.segments where branch_id = $1 and not sealed and token = $2",
    [lease.branchId, lease.token],
  );
}

/** Writes units into an unsealed segment, in one short transaction. */
export async function writeUnits(
  context: Context,
  segment: string,
  units: readonly AssembledUnit[],
): Promise<void> {
  if (units.length === 0) return;
  await inTransaction(context.db, async (client) => {
    await client.query(
      "insert into headstart_materializer.segment_units (segment_id, unit) select $1, unnest($2::text[])",
      [segment, units.map((unit) => unit.unit)],
    );
    await writeFiles(client, segment, units);
    await writeRows(client, segment, units);
    await writeIssues(client, segment, units);
  });
}

async function writeFiles(
  client: pg.ClientBase,
  segment: string,
  units: readonly AssembledUnit[],
): Promise<void> {
  const files = units.flatMap((unit) => unit.files);
  if (files.length === 0) return;
  await client.query(
    `insert into headstart_materializer.segment_files (segment_id, unit, path, kind, mode, oid)
     select $1, w.unit, w.path, w.kind, w.mode, decode(w.oid, 'hex')
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as w (unit, path, kind, mode, oid)`,
    [
      segment,
      files.map((file) => file.unit),
      files.map((file) => file.path),
      files.map((file) => file.kind),
      files.map((file) => file.mode),
      files.map((file) => file.oid),
    ],
  );
}

async function writeRows(
  client: pg.ClientBase,
  segment: string,
  units: readonly AssembledUnit[],
): Promise<void> {
  const rows = units.flatMap((unit) => unit.rows.map((row) => ({ ...row, unit: unit.unit })));
  if (rows.length === 0) return;
  await client.query(
    `insert into headstart_materializer.segment_rows (segment_id, unit, collection, key, data)
     select $1, w.unit, w.collection, w.key, w.data::jsonb
     from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as w (unit, collection, key, data)`,
    [
      segment,
      rows.map((row) => row.unit),
      rows.map((row) => row.collection),
      rows.map((row) => row.key),
      rows.map((row) => JSON.stringify(row.data)),
    ],
  );
}

async function writeIssues(
  client: pg.ClientBase,
  segment: string,
  units: readonly AssembledUnit[],
): Promise<void> {
  const issues = units.flatMap(({ unit, issues: found }) =>
    found.map((issue, ordinal) => ({ ...issue, unit, ordinal })),
  );
  if (issues.length === 0) return;
  await client.query(
    `insert into headstart_materializer.segment_issues
       (segment_id, unit, ordinal, path, line, column_number, code, message, severity)
     select $1, w.* from unnest($2::text[], $3::int[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[])
       as w (unit, ordinal, path, line, column_number, code, message, severity)`,
    [
      segment,
      issues.map((issue) => issue.unit),
      issues.map((issue) => issue.ordinal),
      issues.map((issue) => storable(issue.path)),
      issues.map((issue) => issue.line),
      issues.map((issue) => issue.column),
      issues.map((issue) => issue.code),
      issues.map((issue) => storable(issue.message)),
      issues.map((issue) => issue.severity),
    ],
  );
}

/** Copies the units of one segment into another, but for those named. */
export async function copyUnits(
  context: Context,
  { from, to, except }: { from: string; to: string; except: readonly string[] },
): Promise<void> {
  await inTransaction(context.db, async (client) => {
    for (const [table, columns] of Object.entries(copied)) {
      await client.query(
        `insert into headstart_materializer.${table} (segment_id, ${columns})
         select $1, ${columns} from headstart_materializer.${table} where segment_id = $2 and unit <> all($3)`,
        [to, from, except],
      );
    }
  });
}

const copied = {
  segment_units: "unit",
  segment_files: "unit, path, kind, mode, oid",
  segment_rows: "unit, collection, key, data",
  segment_issues: "unit, ordinal, path, line, column_number, code, message, severity",
};

export async function segmentUnits(db: Queryable, segment: string): Promise<string[]> {
  const { rows } = await db.query<{ unit: string }>(
    "select unit from headstart_materializer.segment_units where segment_id = $1",
    [segment],
  );
  return rows.map((row) => row.unit);
}
