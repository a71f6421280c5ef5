import { z } from "zod";
import { parseTableName } from "./table-name.ts";

const table = z.string().refine(isTableName, "expected a table name: table or schema.table");

const rules = [
  z.strictObject({ truncate: table }),
  z.strictObject({ nullColumns: z.strictObject({ table, columns: z.array(z.string().min(1)).min(1) }) }),
  z.strictObject({ deleteWhere: z.strictObject({ table, where: z.string().min(1) }) }),
  z.strictObject({ sql: z.string().min(1) }),
] as const;

/** Checks one rule of what is removed before a dump; for configuration files. */
export const stripRule: z.ZodType<StripRule> = z.union(rules);

/**
 * What is removed from a snapshot, since it can be made again or must not leave the machine:
 *
 * - `truncate` empties a table, and the tables that refer to it
 * - `nullColumns` sets columns to null
 * - `deleteWhere` deletes the rows that an SQL condition selects
 * - `sql` runs any statement, for example one that masks values
 *
 * Rules run in order. A table is named as `table` or `schema.table`.
 */
export type StripRule =
  | { readonly truncate: string }
  | { readonly nullColumns: { readonly table: string; readonly columns: readonly string[] } }
  | { readonly deleteWhere: { readonly table: string; readonly where: string } }
  | { readonly sql: string };

function isTableName(text: string): boolean {
  try {
    parseTableName(text);
    return true;
  } catch {
    return false;
  }
}
