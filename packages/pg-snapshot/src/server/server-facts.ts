import type { Session } from "./connect.ts";
import { explained } from "../sql-error.ts";

/** What decides how this server is spoken to. */
export interface ServerFacts {
  /** For example `150018` for 15.18. */
  readonly versionNum: number;
  readonly major: number;
  /** Version as the server prints it, for example `15.18`. */
  readonly version: string;
  /** Encoding of new databases, for example `UTF8`. */
  readonly encoding: string;
  /** Names of the extensions whose files are installed. */
  readonly availableExtensions: ReadonlySet<string>;
}

export async function readServerFacts(session: Session): Promise<ServerFacts> {
  const { rows } = await explained("reading the server's version", () =>
    session.query<{ num: number; version: string; encoding: string; extensions: string[] }>(
      `select current_setting('server_version_num')::int as num,
              current_setting('server_version') as version,
              (select pg_encoding_to_char(encoding) from pg_catalog.pg_database where datname = 'template0') as encoding,
              (select coalesce(array_agg(name), '{}') from pg_available_extensions)::text[] as extensions`,
    ),
  );
  const row = rows[0];
  if (!row) throw new TypeError("a select without a table returned no row");
  return {
    versionNum: row.num,
    major: Math.floor(row.num / 10_000),
    version: row.version.split(" ")[0] ?? row.version,
    encoding: row.encoding,
    availableExtensions: new Set(row.extensions),
  };
}
