import { z } from "zod";
import { tableName } from "../snapshot/table-name.ts";

/** What must exist, so that a build that silently did half its work is refused. */
export interface Requirement {
  /** `table` or `schema.table`. */
  readonly table: string;
  /** The least number of rows. @default 0, the table must exist */
  readonly rows?: number | undefined;
}

/** Checks one requirement; for configuration files. */
export const requirement: z.ZodType<Requirement, Requirement> = z.strictObject({
  table: tableName,
  rows: z.number().int().nonnegative("expected a number from 0 on").optional(),
});
