import { z } from "zod";
import { tableName } from "./table-name.ts";

const text = z.string().min(1, "expected a text that is not empty");
const columns = z.array(text).min(1, "expected column names");

const rules = [
  z.strictObject({ truncate: tableName }),
  z.strictObject({ nullColumns: z.strictObject({ table: tableName, columns }) }),
  z.strictObject({ deleteWhere: z.strictObject({ table: tableName, where: text }) }),
  z.strictObject({ sql: text }),
] as const;

/** Checks one rule of what is removed before a dump; for configuration files. */
export const stripRule: z.ZodType<StripRule, StripRule> = z.union(rules, {
  error:
    "expected one of { truncate }, { nullColumns: { table, columns } }, { deleteWhere: { table, where } }, { sql }",
});

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
