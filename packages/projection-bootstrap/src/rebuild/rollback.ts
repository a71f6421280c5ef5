import type pg from "pg";
import type { Settings } from "../boot/settings.ts";
import { inBriefLocks } from "../database/brief-locks.ts";
import { quoteIdentifier } from "../database/quote-identifier.ts";
import { ProjectionError } from "../errors.ts";
import type { Projection } from "../projection/define-projection.ts";
import { viewName } from "../projection/view-name.ts";
import { hasSentinel, rowTableExists } from "../store/row-table.ts";
import { formerVersions, listVersions } from "../store/version.ts";
import { activate, lockActivation } from "./activate.ts";
import { dropVersions } from "./drop-versions.ts";

export interface RolledBack {
  readonly projection: string;
  readonly from: string;
  readonly to: string;
}

export interface RollbackOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the version that readers saw before the active one active again, in one transaction. Needs none of its code:
 * the code that made it brings it forward as soon as it runs. Waits for whoever reads the view, and lets other readers
 * through meanwhile.
 *
 * @throws {ProjectionError} `ROLLBACK_IMPOSSIBLE`
 */
export async function rollback(
  { name, mode }: Projection,
  { pool, log }: Settings,
  { signal }: RollbackOptions = {},
): Promise<RolledBack> {
  const goBack = async (client: pg.ClientBase): Promise<RolledBack> => {
    await lockActivation(client, name);
    const active = (await listVersions(client, [name])).find(({ status }) => status === "active");
    const former = (await formerVersions(client, name, "retired")).find(
      (version) => version.mode === "async" && version.log === log.name,
    );
    const inline = mode === "inline" || active?.mode === "inline";
    if (active === undefined || former === undefined || inline) {
      const why = inline ? "appends keep one inline version only" : "no former version is kept";
      throw new ProjectionError("ROLLBACK_IMPOSSIBLE", `${name} cannot be rolled back: ${why}`, {
        hint: "deploy the former code and boot it, which rebuilds its rows aside",
      });
    }
    if (!(await rowTableExists(client, former.id)) || !(await hasSentinel(client, former.id))) {
      throw new ProjectionError(
        "ROLLBACK_IMPOSSIBLE",
        `the rows of version ${former.id} of ${name} are gone`,
        {
          hint: "deploy the former code and boot it, which rebuilds its rows aside",
        },
      );
    }
    await activate(client, { projection: name, versionId: former.id, previous: "rolled-back" });
    return { projection: name, from: active.id, to: former.id };
  };
  return await inBriefLocks(pool, goBack, signal);
}

export interface RetireOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Ends a projection: readers no longer see it, and appends no longer keep it. Its rows go. Waits until nobody reads
 * its view, and lets appends and other readers through meanwhile.
 */
export async function retire(
  name: string,
  { pool }: Pick<Settings, "pool">,
  { signal }: RetireOptions = {},
): Promise<void> {
  const end = async (client: pg.ClientBase): Promise<void> => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('headstart_projections.append', 0))");
    await lockActivation(client, name);
    await client.query(
      "update headstart_projections.version set status = 'abandoned', retired_at = clock_timestamp() where projection = $1",
      [name],
    );
    await client.query(`drop view if exists headstart_projections.${quoteIdentifier(viewName(name))}`);
  };
  await inBriefLocks(pool, end, signal);
  await dropVersions(pool, { projection: name, keep: 0 }, signal);
}
