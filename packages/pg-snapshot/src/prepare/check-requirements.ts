import { PgSnapshotError } from "../errors.ts";
import { connect } from "../server/connect.ts";
import type { ConnectionSettings } from "../server/connection-settings.ts";
import { explained } from "../sql-error.ts";
import { parseTableName } from "../snapshot/table-name.ts";
import type { Requirement } from "./requirement.ts";

/**
 * Refuses a database that lacks what its target states must exist.
 *
 * @throws {PgSnapshotError} `REQUIREMENT_UNMET`, naming every unmet one
 */
export async function checkRequirements(
  settings: ConnectionSettings,
  database: string,
  { require, signal }: { require: readonly Requirement[]; signal?: AbortSignal | undefined },
): Promise<void> {
  if (require.length === 0) return;
  await using session = await connect(settings, { database, signal });
  const unmet: string[] = [];
  for (const { table, rows = 0 } of require) {
    signal?.throwIfAborted();
    const name = parseTableName(table).quoted;
    const doing = `looking at table "${table}"`;
    const { rows: found } = await explained(doing, () =>
      session.query<{ exists: boolean }>("select to_regclass($1) is not null as exists", [name]),
    );
    if (!found[0]?.exists) {
      unmet.push(`table "${table}" does not exist`);
    } else if (rows > 0) {
      // Stops at the row in question: a full count of a large table would take seconds.
      const { rowCount } = await explained(doing, () =>
        session.query(`select 1 from ${name} offset $1::bigint limit 1`, [rows - 1]),
      );
      if (rowCount === 0) unmet.push(`table "${table}" has fewer than ${rows} rows`);
    }
  }
  if (unmet.length === 0) return;
  throw new PgSnapshotError("REQUIREMENT_UNMET", `the database is incomplete: ${unmet.join("; ")}`, {
    hint: "look at the build's output: it ended well without doing its whole work",
  });
}
