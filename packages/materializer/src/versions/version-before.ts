import type { Queryable } from "../database/in-transaction.ts";
import { MaterializerError } from "../errors.ts";
import type { Branch } from "./find-branch.ts";
import { versionColumns, type Version } from "./read-versions.ts";

/**
 * The newest kept version older than the served one that differs from it: in its commit, or in the rows that another
 * projector made of that. One that its own projector has built again since is passed over: something of it was damaged.
 *
 * @throws MaterializerError `VERSION_UNKNOWN`
 */
export async function versionBefore(db: Queryable, branch: Branch): Promise<Version> {
  const { rows } = await db.query<Version>(
    `select ${versionColumns} from headstart_materializer.versions v
     join headstart_materializer.versions s on s.branch_id = v.branch_id and s.incarnation = v.incarnation
     where s.id = $1 and v.seq < s.seq
       and not exists (
         select from headstart_materializer.versions n
         where n.branch_id = v.branch_id and n.seq > v.seq and n.seq <= s.seq
           and n.oid = v.oid and n.projector = v.projector)
       and (v.oid <> s.oid
         or exists (${rowsOf("v")} except ${rowsOf("s")}) or exists (${rowsOf("s")} except ${rowsOf("v")}))
     order by v.seq desc limit 1`,
    [branch.servedVersion],
  );
  if (rows[0] !== undefined) return rows[0];
  throw new MaterializerError(
    "VERSION_UNKNOWN",
    `${JSON.stringify(branch.ref)} has no older version any more that differs from the served one.`,
    { hint: "Its kept versions are listed by history(); settings.history says how many are kept." },
  );
}

function rowsOf(version: "v" | "s"): string {
  return `select unit, collection, key, data from headstart_materializer.version_rows where version_id = ${version}.id`;
}
