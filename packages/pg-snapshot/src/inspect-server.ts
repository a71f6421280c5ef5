import type { InventoryOptions } from "./inventory.ts";
import { connect } from "./server/connect.ts";
import { resolveConnection } from "./server/connection-settings.ts";
import { maintenanceDatabase } from "./server/maintenance-database.ts";
import { explained } from "./sql-error.ts";

/** What decides whether and how fast a server can serve; nothing is changed to find it out. */
export interface ServerReport {
  /** For example `15.18`. */
  readonly version: string;
  readonly major: number;
  readonly encoding: string;
  readonly role: string;
  readonly mayCreateDatabases: boolean;
  /** Settings that make clones, restores and builds slow on a server whose data can be made again. */
  readonly settings: Readonly<
    Record<"fsync" | "synchronous_commit" | "full_page_writes" | "wal_level", string>
  >;
  readonly maxConnections: number;
  readonly usedConnections: number;
  /** Names of the extensions whose files are installed. */
  readonly availableExtensions: readonly string[];
}

/** @throws {PgSnapshotError} `SERVER_UNREACHABLE`, `AUTHENTICATION_FAILED`, `TOO_MANY_CONNECTIONS` */
export async function inspectServer({ server, signal }: InventoryOptions = {}): Promise<ServerReport> {
  const settings = typeof server === "object" ? server : resolveConnection(server);
  await using session = await connect(settings, { database: maintenanceDatabase, signal });
  const { rows } = await explained("inspecting the server", () =>
    session.query<Omit<ServerReport, "version" | "major">>(
      `select current_user as role,
              (select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user) as "mayCreateDatabases",
              (select pg_encoding_to_char(encoding) from pg_catalog.pg_database where datname = 'template0') as encoding,
              (select json_object_agg(name, setting) from pg_catalog.pg_settings
                where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_level')) as settings,
              current_setting('max_connections')::int as "maxConnections",
              (select count(*)::int from pg_catalog.pg_stat_activity where backend_type = 'client backend') as "usedConnections",
              (select coalesce(json_agg(name order by name), '[]') from pg_catalog.pg_available_extensions) as "availableExtensions"`,
    ),
  );
  const row = rows[0];
  if (!row) throw new TypeError("a select without a table returned no row");
  return { version: session.serverVersion, major: session.serverMajor, ...row };
}
