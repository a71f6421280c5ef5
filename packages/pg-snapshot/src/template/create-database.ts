import type { Owner } from "../owner.ts";
import { pause } from "../pause.ts";
import { quoteIdentifier } from "../quote-identifier.ts";
import { sqlStateOf } from "../sql-error.ts";
import type { CloneStrategy } from "./template-description.ts";

export interface CreateDatabaseOptions {
  /** The template database to copy. @default "template0" */
  readonly template?: string | undefined;
  /** @default the server's own choice */
  readonly strategy?: CloneStrategy | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Somebody else's `CREATE DATABASE` or a passing autovacuum worker holds the template; it passes. */
const passingStates = new Set(["55006", "55P03", "40P01"]);
const attempts = 5;

/**
 * Creates database `name` as a copy of a template database.
 *
 * An abort cancels the statement on the server, which removes the unfinished copy itself.
 *
 * @throws {PgSnapshotError} `PERMISSION_DENIED` without CREATEDB, `DISK_FULL`, `DATABASE_IN_USE` when sessions
 * stay connected to the template, `SERVER_UNREACHABLE`, `QUERY_FAILED`
 */
export async function createDatabase(
  owner: Owner,
  name: string,
  { template = "template0", strategy, signal }: CreateDatabaseOptions = {},
): Promise<void> {
  const strategyClause = strategy ? ` strategy ${strategy === "wal_log" ? "wal_log" : "file_copy"}` : "";
  const sql = `create database ${quoteIdentifier(name)} template ${quoteIdentifier(template)}${strategyClause}`;
  const doing = `creating database "${name}"`;
  for (let attempt = 1; ; attempt++) {
    try {
      if (owner.session.serverMajor >= 18 && strategy && strategy !== "wal_log") {
        await owner.query(doing, `set file_copy_method = ${strategy === "file_clone" ? "clone" : "copy"}`);
      }
      return await owner.run(doing, sql, signal);
    } catch (error) {
      const passing = passingStates.has(sqlStateOf(error) ?? "");
      if (!passing || attempt === attempts) throw error;
      // Full jitter, up to 50 ms doubling to 400 ms: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
      await pause(Math.random() * 25 * 2 ** attempt, signal);
    }
  }
}

/** Drops database `name`; sessions connected to it keep it, unless `force` ends them. Absent is fine. */
export async function dropDatabase(
  owner: Owner,
  name: string,
  { force = false, signal }: { force?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const doing = `dropping database "${name}"`;
  const sealed = await owner.query<{ datistemplate: boolean }>(
    doing,
    "select datistemplate from pg_catalog.pg_database where datname = $1::name",
    [name],
  );
  if (sealed.length === 0) return;
  const database = quoteIdentifier(name);
  const isTemplate = sealed[0]?.datistemplate === true;
  if (isTemplate) await owner.query(doing, `alter database ${database} is_template false`);
  try {
    await owner.run(doing, `drop database if exists ${database}${force ? " with (force)" : ""}`, signal);
  } catch (error) {
    // It is still whole; without the mark it would count as no template.
    if (isTemplate)
      await owner.query(doing, `alter database ${database} is_template true`).catch(() => undefined);
    throw error;
  }
}
