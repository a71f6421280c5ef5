import { ProjectionError } from "../errors.ts";

/** A name as an SQL identifier, whatever it is made of. */
export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0") || Buffer.byteLength(name) > 63) {
    throw new ProjectionError("OPTION_INVALID", `${JSON.stringify(name)} cannot name anything in Postgres`, {
      hint: "use between 1 and 63 bytes and no NUL",
    });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** `table` or `schema.table`, each part quoted. */
export function quoteTable(name: string): string {
  return name.split(".").map(quoteIdentifier).join(".");
}
