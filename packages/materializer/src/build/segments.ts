import type { Context } from "../context.ts";
import type { Queryable } from "../database/in-transaction.ts";
import type { Lease } from "../queue/claim.ts";

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
