import type { Context } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { appendEvent } from "../events/append-event.ts";
import type { BranchClass } from "../repositories/classify-branch.ts";

/** The right to build one wanted state of one branch, until `until`; `token` fences out whoever held it before. */
export interface Lease {
  readonly branchId: string;
  readonly repository: string;
  readonly ref: string;
  readonly class: BranchClass;
  readonly incarnation: number;
  /** The wanted commit, in hex, and its place in the repository's order of wanted states. */
  readonly oid: string;
  readonly seq: number;
  /** Identity of the projector that the version is wanted from. */
  readonly projector: string;
  readonly fromScratch: boolean;
  readonly token: string;
  readonly attempt: number;
}

/** A draft that waited this long counts as a live branch, so that busy live branches cannot starve it. */
const PATIENCE_SECONDS = 30;

const waiting = "b.dirty and b.parked_at is null and b.deleted_at is null";
const due = `${waiting} and b.due_at <= now()
  and (b.lease_until is null or b.lease_until < clock_timestamp())`;

/**
 * Takes at most `limit` due branches: live before drafts, and in turns between tenants and repositories, counting
 * the builds each already has. Only branches whose projector this process has are taken. Nobody waits for anybody:
 * rows that another process is taking are skipped.
 *
 * Repositories in which nothing waits are jumped over in the index (`waiting`), so the cost follows the queue.
 *
 * A branch that has used up its attempts without a word, because each of its builders died, is parked here.
 */
export async function claim(context: Context, { limit = 1 }: { limit?: number } = {}): Promise<Lease[]> {
  const identities = [...context.projectors.values()].map((projector) => projector.identity);
  const { rows } = await context.db.query<Lease & { crashed: boolean }>(
    `with recursive waiting (id) as (
       (select b.repository_id from headstart_materializer.branches b where ${waiting}
        order by b.repository_id limit 1)
       union all
       select (select b.repository_id from headstart_materializer.branches b
               where ${waiting} and b.repository_id > w.id order by b.repository_id limit 1)
       from waiting w where w.id is not null
     ), leased as (
       select r.id, r.tenant, count(b.id) as builds
       from headstart_materializer.branches b
       join headstart_materializer.repositories r on r.id = b.repository_id
       where b.lease_token is not null and b.lease_until >= clock_timestamp()
       group by r.id
     ), candidate as (
       select d.id, d.due_at, r.tenant, d.urgent,
              d.rank + coalesce((select l.builds from leased l where l.id = r.id), 0) as turn
       from waiting w
       join headstart_materializer.repositories r on r.id = w.id
       cross join lateral (
         select b.id, b.due_at, row_number() over (order by (b.class <> 'live'), b.due_at, b.id) as rank,
                b.class = 'live' or b.due_at < now() - $3 * interval '1 s' as urgent
         from headstart_materializer.branches b
         where b.repository_id = r.id and ${due}
         order by (b.class <> 'live'), b.due_at, b.id
         limit $1::int + 32
       ) d
       where r.paused_at is null and r.projector = any($2)
     ), ranked as (
       select c.id, c.due_at, c.urgent, c.turn,
              row_number() over (partition by c.tenant order by c.urgent desc, c.turn, c.due_at, c.id)
                + coalesce((select sum(l.builds) from leased l where l.tenant = c.tenant), 0) as tenant_turn
       from candidate c
     ), taken as (
       select b.id from ranked k join headstart_materializer.branches b on b.id = k.id
       where ${due}
       order by k.urgent desc, k.tenant_turn, k.turn, k.due_at, k.id
       limit $1 for update of b skip locked
     )
     update headstart_materializer.branches b
     set lease_owner = $4, lease_token = nextval('headstart_materializer.tokens'),
         lease_until = clock_timestamp() + $5 * interval '1 ms', attempts = b.attempts + 1
     from taken t, headstart_materializer.repositories r
     where b.id = t.id and r.id = b.repository_id
     returning b.id::text as "branchId", r.name as repository, b.ref, b.class, b.incarnation,
               encode(b.desired_oid, 'hex') as oid, b.desired_seq::float8 as seq, r.projector,
               b.from_scratch as "fromScratch", b.lease_token::text as token, b.attempts as attempt,
               b.attempts > $6 as crashed`,
    [
      limit,
      identities,
      PATIENCE_SECONDS,
      context.worker,
      context.settings.leaseMs,
      context.settings.maxAttempts,
    ],
  );
  for (const { branchId, token, attempt } of rows.filter((row) => row.crashed)) {
    await parkCrashed(context, { branchId, token, attempts: attempt - 1 });
  }
  return rows.filter((row) => !row.crashed);
}

async function parkCrashed(
  context: Context,
  { branchId, token, attempts }: { branchId: string; token: string; attempts: number },
): Promise<void> {
  const reason = `${attempts} builds of this commit ended without a result: their processes died or lost their lease.`;
  await inTransaction(context.db, async (client) => {
    const { rowCount } = await client.query(
      `update headstart_materializer.branches
       set parked_at = now(), lease_owner = null, lease_token = null, lease_until = null,
           error_code = 'BUILD_CRASHED', error_message = $3, error_oid = desired_oid, error_at = now()
       where id = $1 and lease_token = $2`,
      [branchId, token, reason],
    );
    if (rowCount === 1)
      await appendEvent(client, branchId, { event: "branch-parked", code: "BUILD_CRASHED", reason });
  });
}
