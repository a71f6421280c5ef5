import type { Owner } from "../owner.ts";

/** Who holds an advisory lock of ours, in words for the person who waits for it. */
export async function describeHolder(owner: Owner, key: string): Promise<string> {
  const [holder] = await owner.query<{ application: string; seconds: number }>(
    "asking who holds a lock",
    `select a.application_name as application,
            extract(epoch from now() - a.backend_start)::int as seconds
       from pg_catalog.pg_locks l
       join pg_catalog.pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint`,
    [key],
  );
  return holder ? `for ${holder.application}, at work for ${holder.seconds} s` : "for another process";
}
