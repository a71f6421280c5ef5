import type pg from "pg";
import { quoteIdentifier } from "../database/quote-identifier.ts";
import { viewName } from "../projection/view-name.ts";
import type { Lease } from "../store/lease.ts";
import { rowTable } from "../store/row-table.ts";
import { getVersion, listVersions, type Version, type VersionStatus } from "../store/version.ts";

/** Keeps two processes from changing at the same time which version of a projection is active. */
export async function lockActivation(client: pg.ClientBase, projection: string): Promise<void> {
  await client.query(
    "select pg_advisory_xact_lock(hashtextextended('headstart_projections.activate:' || $1, 0))",
    [projection],
  );
}

/** The version that readers see; nobody changes it until the transaction ends. */
export async function lockActive(client: pg.ClientBase, projection: string): Promise<Version | undefined> {
  const active = (await listVersions(client, [projection])).find(({ status }) => status === "active");
  return active === undefined ? undefined : await getVersion(client, active.id, "for update");
}

export interface Activation {
  readonly projection: string;
  readonly versionId: string;
  /** What becomes of the version that was active. */
  readonly previous: Extract<VersionStatus, "retired" | "rolled-back" | "abandoned">;
}

/** Makes a version the one that readers see. What they see before and after is each a whole version. */
export async function activate(client: pg.ClientBase, activation: Activation): Promise<void> {
  const { projection, versionId, previous } = activation;
  await client.query(
    `update headstart_projections.version set status = $2, retired_at = clock_timestamp()
      where projection = $1 and status = 'active' and id <> $3`,
    [projection, previous, versionId],
  );
  await client.query(
    `update headstart_projections.version
        set status = 'active', activated_at = clock_timestamp(), retired_at = null where id = $1`,
    [versionId],
  );
  const view = `headstart_projections.${quoteIdentifier(viewName(projection))}`;
  await client.query(
    `create or replace view ${view} as select key, state from ${rowTable(versionId)} where state is not null`,
  );
}

/**
 * Whether the version may still become active: its lease is the newest one, and nobody ended it meanwhile, as a
 * `retire` does. Locks the version's row.
 */
export async function mayActivate(client: pg.ClientBase, { versionId, epoch }: Lease): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from headstart_projections.version
      where id = $1 and epoch = $2 and status in ('building', 'built') for update`,
    [versionId, epoch.toString()],
  );
  return rowCount === 1;
}
