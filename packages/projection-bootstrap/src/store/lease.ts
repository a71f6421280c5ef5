import type pg from "pg";
import { ProjectionError } from "../errors.ts";

/**
 * The right to write a version's rows. It ends when its time is over or when its holder's connection is gone,
 * whichever is first; a holder that does not know it yet is kept out by its epoch, which every write compares.
 */
export interface Lease {
  readonly versionId: string;
  readonly owner: string;
  readonly epoch: bigint;
  readonly leaseMs: number;
}

const liveness = "hashtextextended('headstart_projections.lease:' || $1, 0)";

export interface TakeLease {
  readonly versionId: string;
  /** Tells holders apart; one for each process and purpose. */
  readonly owner: string;
  readonly leaseMs: number;
}

/**
 * Takes a version's lease on a connection that stays open as long as the lease is wanted. Undefined when another
 * live holder has it.
 */
export async function takeLease(client: pg.ClientBase, take: TakeLease): Promise<Lease | undefined> {
  const { versionId, owner, leaseMs } = take;
  const locked = await client.query<{ held: boolean }>(`select pg_try_advisory_lock(${liveness}) as held`, [
    versionId,
  ]);
  const alone = locked.rows[0]?.held === true;
  const { rows } = await client.query<{ epoch: string }>(
    `update headstart_projections.version
        set epoch = epoch + 1, lease_owner = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
      where id = $1 and ($4 or lease_until is null or lease_until < clock_timestamp())
      returning epoch::text as epoch`,
    [versionId, owner, leaseMs, alone],
  );
  const [row] = rows;
  if (row !== undefined) return { versionId, owner, epoch: BigInt(row.epoch), leaseMs };
  if (alone) await client.query(`select pg_advisory_unlock(${liveness})`, [versionId]);
  return undefined;
}

/** Gives the lease back; one that was lost meanwhile stays with its new holder. */
export async function releaseLease(client: pg.ClientBase, { versionId, epoch }: Lease): Promise<void> {
  await client.query(
    `update headstart_projections.version set lease_owner = null, lease_until = null where id = $1 and epoch = $2`,
    [versionId, epoch.toString()],
  );
  await client.query(`select pg_advisory_unlock(${liveness})`, [versionId]);
}

export function leaseHeld(projection: string, owner: string | undefined): ProjectionError {
  return new ProjectionError(
    "LEASE_HELD",
    `${owner ?? "another process"} is writing the rows of ${projection} now`,
    { hint: "wait for it, or end it: its right goes over as soon as its connection is gone" },
  );
}
