/**
 * SQL that is true of rows written since an earlier look, by the transaction number that Postgres keeps with every
 * row. `xmin` has the number's low 32 bits; the high ones follow from the newest number, so a row that nobody wrote for
 * four billion transactions may come once too often, and none is ever left out.
 *
 * @param row alias of a table of the statement's `from`.
 * @param since parameter that holds the earlier look's `pg_current_snapshot()`, or null for all rows.
 */
export function changedSince(row: string, since: string): string {
  const newest = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
  const writer = `(${newest} - ((${newest} - ${row}.xmin::text::bigint) & 4294967295))`;
  return `(${since}::pg_snapshot is null
    or not pg_visible_in_snapshot(${writer}::text::xid8, ${since}::pg_snapshot))`;
}
