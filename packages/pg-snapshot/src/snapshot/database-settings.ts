import type { Session } from "../server/connect.ts";
import { quoteIdentifier, quoteLiteral } from "../quote-identifier.ts";
import { explained } from "../sql-error.ts";

/** What belongs to a database but lies outside it, so that neither `CREATE DATABASE` nor pg_dump copies it. */
export interface DatabaseSettings {
  /** `ALTER DATABASE … SET` for everybody (`role` null) or one role, each as `name=value`. */
  readonly settings: readonly { readonly role: string | null; readonly settings: readonly string[] }[];
  /** Grants as `aclitem` texts; `null` stands for the default. */
  readonly privileges: readonly string[] | null;
}

interface MutableSettings {
  settings: { role: string | null; settings: string[] }[];
  privileges: string[] | null;
}

export async function readDatabaseSettings(session: Session, database: string): Promise<MutableSettings> {
  const { rows } = await explained("reading the database's settings", () =>
    session.query<{ settings: MutableSettings["settings"]; privileges: string[] | null }>(
      `select (select coalesce(json_agg(json_build_object('role', r.rolname, 'settings', s.setconfig) order by r.rolname), '[]')
                 from pg_catalog.pg_db_role_setting s
                 left join pg_catalog.pg_roles r on r.oid = s.setrole
                where s.setdatabase = d.oid) as settings,
              d.datacl::text[] as privileges
         from pg_catalog.pg_database d
        where d.datname = $1::name`,
      [database],
    ),
  );
  return { settings: rows[0]?.settings ?? [], privileges: rows[0]?.privileges ?? null };
}

/** Statements that give `database` these settings and grants. */
export function databaseSettingStatements(
  database: string,
  { settings, privileges }: DatabaseSettings,
): string[] {
  const name = quoteIdentifier(database);
  const set = settings.flatMap(({ role, settings: list }) =>
    list.map((setting) => {
      const equals = setting.indexOf("=");
      const parameter = setting.slice(0, equals);
      const whose = role === null ? `database ${name}` : `role ${quoteIdentifier(role)} in database ${name}`;
      return `alter ${whose} set ${quoteParameter(parameter)} to ${parameterValue(parameter, setting.slice(equals + 1))}`;
    }),
  );
  return [...set, ...grantStatements(name, privileges)];
}

/** An extension's parameter has a dot (`plpgsql.extra_warnings`), which is no part of an identifier. */
function quoteParameter(parameter: string): string {
  return parameter.split(".").map(quoteIdentifier).join(".");
}

/**
 * Parameters whose stored value is a list of already quoted names: quoted again as one string, `"$user", public`
 * would become the name of one schema. The list is pg_dump's (`variable_is_guc_list_quote` in `dumputils.c`).
 */
const listParameters = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

function parameterValue(parameter: string, value: string): string {
  if (!listParameters.has(parameter)) return quoteLiteral(value);
  const names = [...value.matchAll(/"((?:[^"]|"")*)"|([^\s",]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'),
  );
  return names.length === 0 ? "''" : names.map(quoteLiteral).join(", ");
}

/** Letters of database privileges: https://www.postgresql.org/docs/current/ddl-priv.html */
const privilegeNames: Readonly<Record<string, string>> = { C: "create", T: "temporary", c: "connect" };

function grantStatements(name: string, privileges: readonly string[] | null): string[] {
  if (privileges === null) return [];
  const grants = privileges.flatMap((item) => {
    const match = /^(?:"((?:[^"]|"")*)"|([^=]*))=([^/]*)\//.exec(item);
    if (!match) return [];
    const role = match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"');
    const grantee = role === "" ? "public" : quoteIdentifier(role);
    return [...(match[3] ?? "").matchAll(/([A-Za-z])(\*?)/g)].flatMap(([, letter, grantable]) => {
      const privilege = privilegeNames[letter ?? ""];
      const option = grantable ? " with grant option" : "";
      return privilege ? [`grant ${privilege} on database ${name} to ${grantee}${option}`] : [];
    });
  });
  return [`revoke all on database ${name} from public`, ...grants];
}
