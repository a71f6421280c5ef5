import { PgSnapshotError } from "../errors.ts";

/** Postgres cuts longer names without a word, and the clone could then not be found by its name. */
const maxNameBytes = 63;

/** What Postgres itself needs, and tools connect to. */
const postgresOwn = new Set(["postgres", "template0", "template1"]);

/**
 * Refuses a name that a kept clone cannot have: it would be cut short, or be taken for a database that is swept.
 *
 * @throws {PgSnapshotError} `NAME_INVALID` with the rule
 */
export function checkCloneName(name: string): void {
  const fault = faultOf(name);
  if (fault === undefined) return;
  throw new PgSnapshotError("NAME_INVALID", `a clone cannot be called "${printable(name)}": ${fault}`, {
    hint: `choose a name of 1 to ${maxNameBytes} bytes that does not start with hs_, for example my_clone`,
  });
}

function faultOf(name: string): string | undefined {
  if (name === "") return "the name is empty";
  if (printable(name) !== name) return "the name has a control character";
  const bytes = Buffer.byteLength(name);
  if (bytes > maxNameBytes) return `the name has ${bytes} bytes, and Postgres keeps ${maxNameBytes}`;
  if (postgresOwn.has(name)) return "that database is Postgres's own";
  if (/^hs_(?!k_)/.test(name))
    return "names that start with hs_ belong to databases that are swept or pruned";
  return undefined;
}

function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}
