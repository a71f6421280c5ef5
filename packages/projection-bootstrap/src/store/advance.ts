import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import { comparePositions, formatPosition, type Position } from "../position.ts";
import type { Lease } from "./lease.ts";
import { getVersion } from "./version.ts";

export interface Advance {
  readonly from: Position;
  readonly to: Position;
  /** Events scanned between the two. */
  readonly scanned: number;
  /** By how many the rows grew. */
  readonly growth: number;
}

/**
 * Moves a version's checkpoint in the transaction that wrote its rows: only from where the writer believes it to
 * be, only while the writer holds the lease. Otherwise everything the transaction did is undone.
 *
 * @throws {ProjectionError} `LEASE_LOST`, `CHECKPOINT_CONFLICT`
 */
export async function advanceCheckpoint(
  client: pg.ClientBase,
  { versionId, epoch, leaseMs }: Lease,
  { from, to, scanned, growth }: Advance,
): Promise<void> {
  if (comparePositions(from, to) > 0) throw new Error("a checkpoint never goes back");
  const { rowCount } = await client.query(
    `update headstart_projections.version
        set era = $6, xid = $7, number = $8, scanned = scanned + $9, row_count = row_count + $10,
            advanced_at = clock_timestamp(),
            lease_until = clock_timestamp() + $11 * interval '1 millisecond'
      where id = $1 and epoch = $2 and (era, xid, number) = ($3::integer, $4::xid8, $5::bigint)
        and status <> 'abandoned'`,
    [
      versionId,
      epoch.toString(),
      from.era,
      from.xid.toString(),
      from.number.toString(),
      to.era,
      to.xid.toString(),
      to.number.toString(),
      scanned,
      growth,
      leaseMs,
    ],
  );
  if (rowCount === 1) return;
  const found = await getVersion(client, versionId);
  if (found !== undefined && found.epoch === epoch && found.status !== "abandoned") {
    throw new ProjectionError(
      "CHECKPOINT_CONFLICT",
      `${found.projection} stands at ${formatPosition(found.checkpoint)}, not at ${formatPosition(from)}`,
      {
        hint: "nothing was written; start the runner again, and keep other programs from changing the version row",
      },
    );
  }
  throw new ProjectionError("LEASE_LOST", `another process took over the rows of version ${versionId}`, {
    hint: "nothing was written; the process that took over goes on from the last checkpoint",
  });
}
