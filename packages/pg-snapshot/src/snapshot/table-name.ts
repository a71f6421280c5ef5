import { z } from "zod";
import { quoteIdentifier } from "../quote-identifier.ts";

/** A table as a rule names it. */
export interface TableName {
  readonly schema: string | undefined;
  readonly table: string;
  /** Ready for SQL; without a schema the search path decides. */
  readonly quoted: string;
}

/**
 * Reads `table` or `schema.table`. A part with a dot or a quote in it is written as in SQL:
 * `"odd.schema"."my ""table"""`. Unlike in SQL, case always counts.
 */
export function parseTableName(text: string): TableName {
  const parts = [...text.matchAll(/(?:^|\.)(?:"((?:[^"]|"")+)"|([^".]+))/g)];
  const consumed = parts.reduce((length, [match]) => length + match.length, 0);
  const names = parts.map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'),
  );
  const [first, second] = names;
  if (consumed !== text.length || first === undefined || names.length > 2) {
    throw new TypeError(`"${text}" is no table name: write table, schema.table, or quoted parts`);
  }
  return {
    schema: second === undefined ? undefined : first,
    table: second ?? first,
    quoted: names.map(quoteIdentifier).join("."),
  };
}

/** Checks that a text names a table; for configuration files. */
export const tableName = z.string().refine(isTableName, "expected a table name: table or schema.table");

function isTableName(text: string): boolean {
  try {
    parseTableName(text);
    return true;
  } catch {
    return false;
  }
}
