import type { Session } from "../server/connect.ts";
import { explained } from "../sql-error.ts";
import { parseDescription, type TemplateDescription } from "./template-description.ts";

export type TemplateLookup =
  | { readonly status: "found"; readonly description: TemplateDescription }
  | { readonly status: "absent"; readonly reason: string };

interface CatalogRow {
  sealed: boolean;
  comment: string | null;
  recorded_collation: string | null;
  actual_collation: string | null;
}

/**
 * Looks a template up in the catalog, in one query and without a lock: a template carries its final name only
 * when it is whole, so its presence is the proof.
 */
export async function findTemplate(session: Session, name: string): Promise<TemplateLookup> {
  const { rows } = await explained("looking for the template database", () =>
    session.query<CatalogRow>({
      name: "headstart-find-template",
      text: findTemplateSql(session),
      values: [name],
    }),
  );
  const row = rows[0];
  if (!row) return { status: "absent", reason: "no template database of this content on the server" };
  if (row.recorded_collation !== row.actual_collation) {
    const versions = `${row.recorded_collation} then, ${row.actual_collation} now`;
    return {
      status: "absent",
      reason: `the system's collation changed since the template was made (${versions})`,
    };
  }
  const description = parseDescription(row.comment);
  if (!row.sealed || !description) {
    return {
      status: "absent",
      reason: `database "${name}" exists but is no template that this version made`,
    };
  }
  return { status: "found", description };
}

/** `pg_database.datcollversion` came with Postgres 15. */
function findTemplateSql(session: Session): string {
  const collation =
    session.serverMajor >= 15
      ? "d.datcollversion as recorded_collation, pg_database_collation_actual_version(d.oid) as actual_collation"
      : "null as recorded_collation, null as actual_collation";
  return `
    select d.datistemplate and not d.datallowconn as sealed,
           shobj_description(d.oid, 'pg_database') as comment,
           ${collation}
      from pg_catalog.pg_database d
     where d.datname = $1::name`;
}
