import type pg from "pg";
import { inBriefLocks } from "../database/brief-locks.ts";
import { rowTable } from "../store/row-table.ts";
import { formerVersions, listVersions, type Version } from "../store/version.ts";
import { lockActivation } from "./activate.ts";

/**
 * Drops what no rollback needs: abandoned versions, retired ones but the `keep` that readers left last, and builds that
 * were left behind by a newer active version. As many that were rolled back stay, unless their code is active again: by
 * them a boot of it is refused. Versions that somebody is writing stay, and so does what was prebuilt for the next
 * deployment while the running code only renews its rows. Waits for whoever reads such rows, and lets other readers
 * through meanwhile.
 *
 * @returns ids of the versions that are gone
 */
export async function dropVersions(
  pool: pg.Pool,
  { projection, keep }: { readonly projection: string; readonly keep: number },
  signal?: AbortSignal,
): Promise<string[]> {
  const drop = async (client: pg.ClientBase): Promise<string[]> => {
    await lockActivation(client, projection);
    const versions = await listVersions(client, [projection]);
    const active = versions.find(({ status }) => status === "active");
    const retired = await formerVersions(client, projection, "retired");
    const rolledBack = await formerVersions(client, projection, "rolled-back");
    const refused = rolledBack.filter(({ identity }) => identity !== active?.identity).slice(0, keep);
    const former = [...retired.slice(keep), ...rolledBack.filter((version) => !refused.includes(version))];
    const replaced = await replacedIdentity(client, projection);
    const renewed = replaced === undefined || replaced === active?.identity;
    const isAhead = ({ status, identity }: Version): boolean =>
      renewed && status === "built" && identity !== active?.identity;
    const left = versions.filter(
      (version) =>
        (version.status === "building" || version.status === "built") &&
        active !== undefined &&
        BigInt(version.id) < BigInt(active.id) &&
        !isAhead(version),
    );
    const gone = versions.filter(({ status }) => status === "abandoned");
    const dropped: string[] = [];
    for (const { id, leaseOwner } of [...former, ...left, ...gone]) {
      if (leaseOwner !== undefined) continue;
      await client.query(`drop table if exists ${rowTable(id)}`);
      await client.query("delete from headstart_projections.version where id = $1", [id]);
      dropped.push(id);
    }
    return dropped;
  };
  return await inBriefLocks(pool, drop, signal);
}

/** The projector of the rows that readers saw before the present ones. */
async function replacedIdentity(client: pg.ClientBase, projection: string): Promise<string | undefined> {
  const { rows } = await client.query<{ identity: string }>(
    `select identity from headstart_projections.version
      where projection = $1 and status <> 'active' and retired_at is not null order by retired_at desc limit 1`,
    [projection],
  );
  return rows[0]?.identity;
}
