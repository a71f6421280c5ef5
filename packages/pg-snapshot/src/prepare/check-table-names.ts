import { PgSnapshotError, type PgSnapshotErrorCode } from "../errors.ts";
import { parseTableName } from "../snapshot/table-name.ts";
import type { StripRule } from "../snapshot/strip-rules.ts";
import type { Target } from "./target.ts";

/**
 * Refuses rules that name no table that could exist, before minutes of work and not after.
 *
 * @throws {PgSnapshotError} `STRIP_FAILED`, `REQUIREMENT_UNMET`
 */
export function checkTableNames({ name, strip = [], require = [] }: Target): void {
  for (const rule of strip) refuse("STRIP_FAILED", `a strip rule of "${name}"`, tableOf(rule));
  for (const { table } of require) refuse("REQUIREMENT_UNMET", `a requirement of "${name}"`, table);
}

function tableOf(rule: StripRule): string | undefined {
  if ("truncate" in rule) return rule.truncate;
  if ("nullColumns" in rule) return rule.nullColumns.table;
  return "deleteWhere" in rule ? rule.deleteWhere.table : undefined;
}

function refuse(code: PgSnapshotErrorCode, where: string, table: string | undefined): void {
  if (table === undefined) return;
  try {
    parseTableName(table);
  } catch (cause) {
    throw new PgSnapshotError(code, `${where} cannot be followed: ${(cause as Error).message}`, {
      hint: 'write the table as table, as schema.table, or with quotes around a part that has a dot: "odd.schema".table',
      cause,
    });
  }
}
