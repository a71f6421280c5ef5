import { randomUUID } from "node:crypto";
import type { OnProgress } from "../progress.ts";
import { connect, type Session } from "../server/connect.ts";
import type { ConnectionSettings } from "../server/connection-settings.ts";
import { runQuery } from "../server/run-query.ts";
import { explained } from "../sql-error.ts";
import { type DataTable, dataTablesSql, schemaInventorySql, tableSumSql } from "./schema-inventory.sql.ts";

/** One thing that two databases do not have alike. */
export interface DatabaseDifference {
  /** For example `index`, `column`, or `rows` for a table's content. */
  readonly kind: string;
  readonly name: string;
  /** What each has, `undefined` where it is absent. */
  readonly left: string | undefined;
  readonly right: string | undefined;
}

export interface CompareOptions {
  readonly connection: ConnectionSettings;
  readonly left: string;
  readonly right: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Compares two databases of one server: every object's definition, the sequences' values, and the content of
 * every table. Owners, grants and physical order do not count. Content is summed up on the server, so memory
 * does not grow with it.
 *
 * @returns the differences, none for equal databases
 */
export async function compareDatabases(options: CompareOptions): Promise<DatabaseDifference[]> {
  const { connection, signal } = options;
  await using left = await connect(connection, { database: options.left, signal });
  await using right = await connect(connection, { database: options.right, signal });
  const pair = { left, right };
  await Promise.all([left.query(plainSession), right.query(plainSession)]);
  const differences = await compareSchemas(pair, options);
  return [...differences, ...(await compareContents(pair, options))];
}

/**
 * Both databases have to print values alike, whatever settings of their own they have; names are printed with
 * their schemas only when the search path does not lead to them.
 */
const plainSession = `
set search_path to '';
set datestyle to 'ISO, MDY';
set intervalstyle to 'postgres';
set timezone to 'UTC';
set extra_float_digits to 1;
set bytea_output to 'hex';
set xmloption to 'content'`;

interface Pair {
  readonly left: Session;
  readonly right: Session;
}

async function compareSchemas({ left, right }: Pair, options: CompareOptions): Promise<DatabaseDifference[]> {
  const blur = randomUUID();
  const [before, after] = await both(schemaOf(left, blur, options), schemaOf(right, blur, options));
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].sort().flatMap((key) => {
    const [kind = "", name = ""] = JSON.parse(key) as string[];
    const difference = { kind, name, left: before.get(key), right: after.get(key) };
    return difference.left === difference.right ? [] : [difference];
  });
}

async function schemaOf(
  session: Session,
  blur: string,
  { connection, signal }: CompareOptions,
): Promise<Map<string, string>> {
  const rows = await runQuery<{ kind: string; name: string; definition: string | null }>(
    session,
    schemaInventorySql,
    { doing: "reading the schema", values: [blur], settings: connection, signal },
  );
  return new Map(rows.map(({ kind, name, definition }) => [JSON.stringify([kind, name]), definition ?? ""]));
}

/** Waits for both whatever becomes of either: a cancelled one has ended on the server when this settles. */
async function both<T>(left: Promise<T>, right: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([left, right]);
  return await Promise.all([left, right]);
}

async function compareContents(pair: Pair, options: CompareOptions): Promise<DatabaseDifference[]> {
  const [leftTables, rightTables] = await Promise.all([tablesOf(pair.left), tablesOf(pair.right)]);
  const pairs = leftTables.flatMap((left) => {
    const right = rightTables.find(({ name }) => name === left.name);
    return right ? [{ left, right }] : [];
  });
  const differences: DatabaseDifference[] = [];
  for (const [index, tables] of pairs.entries()) {
    const { name } = tables.left;
    options.onProgress?.({
      phase: "compare",
      detail: name,
      done: index,
      total: pairs.length,
      unit: "tables",
    });
    const [left, right] = await both(
      sumOf(pair.left, tables.left, options),
      sumOf(pair.right, tables.right, options),
    );
    if (left !== right) differences.push({ kind: "rows", name, left, right });
  }
  return differences;
}

async function tablesOf(session: Session): Promise<DataTable[]> {
  const { rows } = await explained("listing tables", () => session.query<DataTable>(dataTablesSql));
  return rows;
}

async function sumOf(
  session: Session,
  table: DataTable,
  { connection, signal }: CompareOptions,
): Promise<string> {
  const [sum] = await runQuery<{ rows: string; hash: string }>(session, tableSumSql(table), {
    doing: `reading ${table.name}`,
    settings: connection,
    signal,
  });
  return `${sum?.rows} rows, hash ${sum?.hash}`;
}
