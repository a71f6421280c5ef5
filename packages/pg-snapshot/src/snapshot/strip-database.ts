import { PgSnapshotError } from "../errors.ts";
import type { OnProgress } from "../progress.ts";
import { quoteIdentifier } from "../quote-identifier.ts";
import { connect, type Session } from "../server/connect.ts";
import type { ConnectionSettings } from "../server/connection-settings.ts";
import { runQuery } from "../server/run-query.ts";
import { explained, explainSqlError, sqlStateOf } from "../sql-error.ts";
import type { StripRule } from "./strip-rules.ts";
import { parseTableName } from "./table-name.ts";

export interface StripOptions {
  readonly connection: ConnectionSettings;
  /** A private copy: what the rules remove is gone. */
  readonly database: string;
  readonly rules: readonly StripRule[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Applies the rules in order, then compacts what they touched. A rule whose table or column is gone fails: a
 * renamed table would otherwise travel on unmasked.
 *
 * @throws {PgSnapshotError} `STRIP_FAILED` naming the rule, `SERVER_UNREACHABLE`, `DISK_FULL`
 */
export async function stripDatabase({
  connection,
  database,
  rules,
  signal,
  onProgress,
}: StripOptions): Promise<void> {
  if (rules.length === 0) return;
  await using session = await connect(connection, { database, signal });
  const touched = new Set<string>();
  let anything = false;
  for (const rule of rules) {
    const { text, table, words } = ruleStatement(rule);
    onProgress?.({ phase: "strip", detail: words });
    const quiet = "nullColumns" in rule ? await withoutTriggers(session, rule.nullColumns.table, text) : text;
    await runRule(session, { text: quiet, words, connection, signal });
    if (table === undefined) anything = true;
    else touched.add(table);
  }
  // Free SQL may have touched any table.
  const tables = anything ? await userTables(session) : [...touched];
  for (const table of tables) {
    onProgress?.({ phase: "strip", detail: `compacting ${table}` });
    await runRule(session, {
      text: `vacuum (full) ${table}`,
      words: `compacting ${table}`,
      connection,
      signal,
    });
  }
}

const enabling: Readonly<Record<string, string>> = { O: "enable", R: "enable replica", A: "enable always" };

/**
 * The statement with the table's own triggers off around it: a column that is emptied is no change that the
 * application made, and must not move an `updated_at`. The statements run as one transaction.
 */
async function withoutTriggers(session: Session, tableName: string, text: string): Promise<string> {
  const table = parseTableName(tableName).quoted;
  const { rows } = await explained(`looking for triggers of "${tableName}"`, () =>
    session.query<{ name: string; state: string }>(
      `select tgname as name, tgenabled::text as state
         from pg_catalog.pg_trigger
        where tgrelid = to_regclass($1) and not tgisinternal and tgenabled <> 'D'`,
      [table],
    ),
  );
  const alter = (name: string, action: string): string =>
    `alter table ${table} ${action} trigger ${quoteIdentifier(name)}`;
  return [
    ...rows.map(({ name }) => alter(name, "disable")),
    text,
    ...rows.map(({ name, state }) => alter(name, enabling[state] ?? "enable")),
  ].join(";\n");
}

interface RuleStatement {
  readonly text: string;
  /** Quoted name of the one table it changes, when that is known. */
  readonly table?: string | undefined;
  readonly words: string;
}

function ruleStatement(rule: StripRule): RuleStatement {
  if ("truncate" in rule) {
    const table = parseTableName(rule.truncate).quoted;
    return { text: `truncate table ${table} cascade`, table, words: `truncate ${rule.truncate}` };
  }
  if ("nullColumns" in rule) {
    const { columns } = rule.nullColumns;
    const table = parseTableName(rule.nullColumns.table).quoted;
    const names = columns.map(quoteIdentifier);
    const assignments = names.map((name) => `${name} = null`).join(", ");
    // Rows that are null already are left alone: an update writes every row that it matches.
    const filled = names.map((name) => `${name} is not null`).join(" or ");
    return {
      text: `update ${table} set ${assignments} where ${filled}`,
      table,
      words: `null ${columns.join(", ")} of ${rule.nullColumns.table}`,
    };
  }
  if ("deleteWhere" in rule) {
    const table = parseTableName(rule.deleteWhere.table).quoted;
    const { where } = rule.deleteWhere;
    return {
      text: `delete from ${table} where (${where}\n)`,
      table,
      words: `delete from ${rule.deleteWhere.table} where ${where}`,
    };
  }
  return { text: rule.sql, words: rule.sql.split("\n")[0]?.slice(0, 80) ?? "" };
}

interface RuleRun {
  readonly text: string;
  readonly words: string;
  readonly connection: ConnectionSettings;
  readonly signal: AbortSignal | undefined;
}

/** Failures that are the server's and not the rule's. */
const serverFailures = new Set(["SERVER_UNREACHABLE", "DISK_FULL"]);

async function runRule(session: Session, { text, words, connection, signal }: RuleRun): Promise<void> {
  try {
    await runQuery(session, text, { doing: `strip rule "${words}"`, signal, settings: connection });
  } catch (error) {
    signal?.throwIfAborted();
    const reason = explainSqlError(error, `strip rule "${words}"`);
    if (serverFailures.has(reason.code)) throw reason;
    throw new PgSnapshotError("STRIP_FAILED", reason.message, { hint: hintFor(reason), cause: reason.cause });
  }
}

/** SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function hintFor(error: PgSnapshotError): string {
  switch (sqlStateOf(error)) {
    case "42P01":
    case "42703":
      return "the schema has moved on: correct the rule, or remove it";
    case "23502":
      return "the column may not be null: delete or truncate instead, or mask it with an sql rule";
    default:
      return "correct the rule; the database itself was not touched, only a copy of it";
  }
}

async function userTables(session: Session): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name
       from pg_catalog.pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
  );
  return rows.map((row) => row.name);
}
