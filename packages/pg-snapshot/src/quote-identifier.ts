/** `name` as an SQL identifier, safe for any text that Postgres can hold. */
export function quoteIdentifier(name: string): string {
  if (name.includes("\0")) throw new TypeError("an SQL identifier cannot hold a NUL character");
  return `"${name.replaceAll('"', '""')}"`;
}

/** `value` as an SQL string constant, for statements that take no parameters (`CREATE DATABASE`, `COMMENT`). */
export function quoteLiteral(value: string): string {
  if (value.includes("\0")) throw new TypeError("an SQL string cannot hold a NUL character");
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return value.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
