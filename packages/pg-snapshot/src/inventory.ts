import { advisoryKey } from "./advisory-key.ts";
import { ownerOf } from "./names.ts";
import { maintenanceDatabase } from "./server/maintenance-database.ts";
import { connect } from "./server/connect.ts";
import { resolveConnection, type ConnectionSettings } from "./server/connection-settings.ts";
import { explained } from "./sql-error.ts";
import { parseDescription, type TemplateDescription } from "./template/template-description.ts";

export interface InventoryOptions {
  /** URL or settings of the server. @default the `PG*` variables */
  readonly server?: string | ConnectionSettings | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Listed {
  readonly name: string;
  /** 0 where the server does not tell: of another role's database that this one may not connect to. */
  readonly bytes: number;
  /** Sessions connected to it just now. */
  readonly sessions: number;
  /** Whether it belongs to the role that asks; each role has templates of its own. */
  readonly mine: boolean;
}

/** One of our databases on a server. */
export type InventoryItem =
  | (Listed & { readonly kind: "template"; readonly description: TemplateDescription })
  | (Listed & { readonly kind: "kept-clone" })
  /** `alive` tells whether the process it belongs to still is; a dead one's is swept by the next run. */
  | (Listed & { readonly kind: "clone" | "scratch"; readonly alive: boolean });

interface Row {
  name: string;
  comment: string | null;
  bytes: string;
  sessions: number;
  mine: boolean;
}

/**
 * Every database on the server that this package made, largest first.
 *
 * @throws {PgSnapshotError} as {@link connect} does
 */
export async function inventory({ server, signal }: InventoryOptions = {}): Promise<InventoryItem[]> {
  const settings = typeof server === "object" ? server : resolveConnection(server);
  await using session = await connect(settings, { database: maintenanceDatabase, signal });
  const { rows } = await explained("listing databases", () =>
    session.query<Row>(
      String.raw`
      select d.datname as name,
             shobj_description(d.oid, 'pg_database') as comment,
             coalesce(size.bytes, 0)::text as bytes,
             pg_get_userbyid(d.datdba) = current_user as mine,
             (select count(*)::int from pg_catalog.pg_stat_activity a where a.datid = d.oid) as sessions
        from pg_catalog.pg_database d
       cross join lateral (select has_database_privilege(d.oid, 'CONNECT') as may_connect) as privilege
       cross join lateral (
             -- Asked for no other, and not for one just dropped (null), for which it fails.
             select case when may_connect or (not may_connect and pg_has_role('pg_read_all_stats', 'USAGE'))
                         then pg_database_size(d.oid) end as bytes) as size
       where d.datname like 'hs\_%' or shobj_description(d.oid, 'pg_database') like '{"headstart":%'
       order by coalesce(size.bytes, 0) desc, d.datname`,
    ),
  );
  const { rows: locks } = await explained("listing live owners", () =>
    session.query<{ key: string }>(
      `select (classid::bigint << 32 | objid::bigint)::text as key
         from pg_catalog.pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_catalog.pg_database where datname = current_database())`,
    ),
  );
  const held = new Set(locks.map((lock) => lock.key));
  return rows.flatMap((row) => classify(row, held) ?? []);
}

function classify(
  { name, comment, bytes, sessions, mine }: Row,
  held: ReadonlySet<string>,
): InventoryItem | undefined {
  const listed = { name, bytes: Number(bytes), sessions, mine };
  const owned = ownerOf(name);
  if (owned) return { ...listed, kind: owned.kind, alive: held.has(advisoryKey("owner", owned.owner)) };
  const description = parseDescription(comment);
  if (description) return { ...listed, kind: "template", description };
  return comment?.startsWith('{"headstart":"clone/1"') ? { ...listed, kind: "kept-clone" } : undefined;
}
