import type pg from "pg";
import { inTransaction } from "../database/transaction.ts";
import { rowTable } from "../store/row-table.ts";
import { listVersions } from "../store/version.ts";
import { lockActivation } from "./activate.ts";

/**
 * Drops what no rollback needs: abandoned versions, retired ones beyond the newest `keep`, and builds that were left
 * behind by a newer active version. Versions that somebody is writing stay.
 *
 * @returns ids of the versions that are gone
 */
export async function dropVersions(
  pool: pg.Pool,
  { projection, keep }: { readonly projection: string; readonly keep: number },
): Promise<string[]> {
  return await inTransaction(pool, async (client) => {
    await lockActivation(client, projection);
    const versions = await listVersions(client, [projection]);
    const active = versions.find(({ status }) => status === "active");
    const former = versions
      .filter(({ status }) => status === "retired" || status === "rolled-back")
      .slice(keep);
    const left = versions.filter(
      ({ status, id }) =>
        (status === "building" || status === "built") &&
        active !== undefined &&
        BigInt(id) < BigInt(active.id),
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
  });
}
