import type pg from "pg";
import { inTransaction } from "../database/transaction.ts";
import { createRowTable, hasSentinel, rowTableExists } from "../store/row-table.ts";
import { getVersion, listVersions, type Version } from "../store/version.ts";
import { lockActivation } from "./activate.ts";

export interface OpenVersion {
  readonly projection: string;
  readonly mode: "async" | "inline";
  readonly identity: string;
  readonly log: string;
  readonly reason: string;
  /** Whether an active version that the same code made and that is whole will do, unless it is the one named. */
  readonly orActive?: { readonly otherThan: string | undefined } | undefined;
}

/** The version under construction for a projector: the one that was begun already, or a new and empty one. */
export async function openVersion(pool: pg.Pool, open: OpenVersion): Promise<Version> {
  const { projection, mode, identity, log, reason, orActive } = open;
  return await inTransaction(pool, async (client) => {
    await lockActivation(client, projection);
    const versions = await listVersions(client, [projection]);
    const active = versions.find(({ status }) => status === "active");
    if (orActive !== undefined && active !== undefined && active.id !== orActive.otherThan) {
      const same = active.identity === identity && active.log === log && active.mode === mode;
      if (same && (await isWhole(client, active.id))) return active;
    }
    const begun = versions.find(
      (version) =>
        version.identity === identity && (version.status === "building" || version.status === "built"),
    );
    if (begun !== undefined) {
      if (begun.log === log && begun.mode === mode && (await isWhole(client, begun.id))) return begun;
      await client.query("update headstart_projections.version set status = 'abandoned' where id = $1", [
        begun.id,
      ]);
    }
    const { rows } = await client.query<{ id: string }>(
      `insert into headstart_projections.version (projection, identity, log, mode, status, reason)
       values ($1, $2, $3, $4, 'building', $5) returning id::text as id`,
      [projection, identity, log, mode, reason],
    );
    const id = rows[0]?.id ?? "";
    await createRowTable(client, id);
    const made = await getVersion(client, id);
    if (made === undefined) throw new Error(`version ${id} vanished`);
    return made;
  });
}

async function isWhole(client: pg.ClientBase, versionId: string): Promise<boolean> {
  return (await rowTableExists(client, versionId)) && (await hasSentinel(client, versionId));
}
