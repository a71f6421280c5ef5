import type pg from "pg";
import type { Context } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { appendEvent, wakeConsumers } from "../events/append-event.ts";
import { storable } from "../database/storable.ts";
import { MaterializerError } from "../errors.ts";
import { leaseLost, leaseSuperseded } from "../queue/lease.ts";
import type { Lease } from "../queue/claim.ts";
import type { Built } from "./build-version.ts";

export interface Published {
  readonly version: string;
  /** False when the branch is pinned: the version is kept, and readers go on seeing the pinned one. */
  readonly served: boolean;
  /** Whether a newer state became wanted while this one was built. */
  readonly behind: boolean;
}

interface BranchRow {
  desiredSeq: number;
  pinned: boolean;
  previousOid: string | null;
  /** How many are kept already. */
  versions: number;
}

/**
 * Switches a branch to a built version, in one short transaction: the branch's row is locked, the lease's token and
 * a newer `seq` than the one served are required, the pointer moves and the event is written. A reader's statement
 * sees the version before or this one.
 *
 * @throws MaterializerError `LEASE_LOST` when the token is no longer the branch's, the branch was deleted, or
 *   something newer is served; `VERSION_UNKNOWN` when the version that rows were copied from was forgotten, so that
 *   some may be lacking; `PROJECTOR_SUPERSEDED` when the wanted state is another projector's. Nothing changes then.
 */
export async function publish(
  context: Context,
  lease: Lease,
  { built, changedPaths }: { built: Built; changedPaths?: readonly string[] | undefined },
): Promise<Published> {
  const published = await inTransaction(context.db, async (client) => {
    const branch = await lockBranch(client, lease);
    const version = await serve(client, { lease, built, pinned: branch.pinned });
    await appendEvent(client, lease.branchId, {
      event: "branch-materialized",
      oid: lease.oid,
      seq: lease.seq,
      // Of a pinned branch nothing changes that readers see.
      ...(!branch.pinned && {
        version,
        ...(branch.previousOid !== null && { previousOid: branch.previousOid }),
        ...(changedPaths !== undefined && { changedPaths: changedPaths.slice(0, 1000) }),
      }),
    });
    if (branch.versions >= context.settings.history)
      await forgetVersions(client, lease.branchId, context.settings.history);
    return { version, served: !branch.pinned, behind: branch.desiredSeq > lease.seq };
  });
  await wakeConsumers(context.db);
  return published;
}

async function lockBranch(client: pg.ClientBase, lease: Lease): Promise<BranchRow> {
  const { rows } = await client.query<BranchRow>(
    `select b.desired_seq::float8 as "desiredSeq", b.pinned_at is not null as pinned,
            (select encode(v.oid, 'hex') from headstart_materializer.versions v where v.id = b.latest_version)
              as "previousOid",
            (select count(*)::int from headstart_materializer.versions v where v.branch_id = b.id) as versions
     from headstart_materializer.branches b
     where b.id = $1 and b.lease_token = $2 and b.incarnation = $3 and b.materialized_seq < $4
       and b.deleted_at is null
     for no key update of b`,
    [lease.branchId, lease.token, lease.incarnation, lease.seq],
  );
  if (rows[0] === undefined) throw leaseLost(lease);
  return rows[0];
}

/**
 * Writes the version and moves the branch's pointer to it, unless the branch is pinned; what an audit found of the one
 * served before says nothing of it, and goes. The version that rows came from
 * has to be there still: then it was there throughout, and with it every row that was copied.
 */
async function serve(
  client: pg.ClientBase,
  { lease, built, pinned }: { lease: Lease; built: Built; pinned: boolean },
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `with source as (
       select from headstart_materializer.versions where id = $17 for key share
     ), sealed as (
       update headstart_materializer.segments set sealed = true where id in ($8, $9) and not sealed
     ), settled as (
       delete from headstart_materializer.branch_issues where branch_id = $1
     ), version as (
       insert into headstart_materializer.versions
         (branch_id, repository_id, incarnation, seq, oid, tree_oid, projector, base_segment, delta_segment,
          committed_at, author, blobs_parsed, blobs_reused, units_assembled, build_ms, tree_files)
       select b.id, b.repository_id, $2, $3, decode($4, 'hex'), decode($5, 'hex'), $6, $8, $9,
              $7, $10, $11, $12, $13, $14, $15
       from headstart_materializer.branches b
       join headstart_materializer.repositories r on r.id = b.repository_id
       where b.id = $1 and (r.projector = $6 or b.desired_seq > $3)
         and ($17::bigint is null or exists (select from source))
       returning id
     )
     update headstart_materializer.branches b
     set lease_owner = null, lease_token = null, lease_until = null, attempts = 0, parked_at = null,
         materialized_seq = $3, latest_version = v.id, served_version = case when $16 then served_version else v.id end,
         dirty = desired_seq > $3, due_at = now(), from_scratch = from_scratch and desired_seq > $3,
         error_code = null, error_message = null, error_oid = null, error_at = null,
         audit_differences = case when $16 then audit_differences end,
         diverged_version = case when $16 then diverged_version end
     from version v where b.id = $1
     returning v.id::text as id`,
    [
      lease.branchId,
      lease.incarnation,
      lease.seq,
      lease.oid,
      built.tree,
      lease.projector,
      built.committedAt,
      built.base,
      built.delta,
      storable(built.author),
      built.blobsParsed,
      built.blobsReused,
      built.unitsAssembled,
      built.buildMs,
      built.treeFiles,
      pinned,
      built.from,
    ],
  );
  return rows[0]?.id ?? (await refuse(client, lease));
}

async function refuse(client: pg.ClientBase, lease: Lease): Promise<never> {
  const { rowCount } = await client.query(
    "select from headstart_materializer.repositories where name = $1 and projector = $2",
    [lease.repository, lease.projector],
  );
  if (rowCount === 0) throw leaseSuperseded(lease);
  throw new MaterializerError(
    "VERSION_UNKNOWN",
    `The version that this build of ${lease.ref} shares rows with is not kept any more.`,
    { hint: "Build again with the same lease. If it happens often, raise settings.history." },
  );
}

/**
 * Keeps the newest versions, whatever is served, and what is being built upon: the next publication takes that.
 * Segments that nothing points at are removed by `retain`.
 */
async function forgetVersions(client: pg.ClientBase, branchId: string, history: number): Promise<void> {
  await client.query(
    `delete from headstart_materializer.versions where id in (
       select v.id from headstart_materializer.versions v
       join headstart_materializer.branches b on b.id = v.branch_id
       where b.id = $1 and v.id is distinct from b.served_version and v.id is distinct from b.latest_version
         and v.seq < (select min(k.seq) from (
           select seq from headstart_materializer.versions where branch_id = $1 order by seq desc limit $2) k)
       for update of v skip locked)`,
    [branchId, history],
  );
}
