import type pg from "pg";
import type { Context } from "../context.ts";
import { appendEvent } from "../events/append-event.ts";
import { storable } from "../database/storable.ts";
import { GitError } from "../git/git-error.ts";
import { branchClassifier } from "../repositories/classify-branch.ts";
import { CONFIRMED } from "../repositories/repository.ts";
import type { Observing } from "./observation-lease.ts";
import type { Observation, Seen } from "./observe.ts";
import { nextPollMs } from "./next-poll.ts";
import { planObservation, type KnownBranch, type ObservationPlan } from "./plan-observation.ts";

export interface Recorded {
  readonly appeared: number;
  readonly moved: number;
  readonly deleted: number;
  readonly ignored: number;
  /** Why deletions are held back, until `confirmDeletions`. */
  readonly guard: string | undefined;
  /** Branches whose names are no UTF-8 or too long, as far as they can be shown: they are not projected. */
  readonly unreadable: readonly string[];
  /** Branches whose commits git did not give: they stay as they were, and the repository is due again. */
  readonly refused: readonly string[];
}

/** Names that are stored of branches that cannot be followed: enough to see whose they are. */
const MOST_NAMES = 100;

interface RepositoryRow {
  hints: string;
  lastSeq: number;
  confirmed: boolean;
  failures: number;
  idleMs: number | null;
}

/** Writes what an observation changed, in one transaction that the observer's token fences. */
export async function recordObservation(
  client: pg.ClientBase,
  { context, observing, seen }: { context: Context; observing: Observing; seen: Seen },
): Promise<Observation> {
  const { repository, token } = observing;
  const { rows } = await client.query<RepositoryRow>(
    `select hints::text, last_seq::float8 as "lastSeq", guard = $3 as confirmed,
            observe_failures as failures,
            extract(epoch from now() - changed_at)::float8 * 1000 as "idleMs"
     from headstart_materializer.repositories where id = $1 and observe_token = $2 for no key update`,
    [repository.id, token, CONFIRMED],
  );
  const row = rows[0];
  if (row === undefined) return { outcome: "superseded" };
  const { rows: known } = await client.query<KnownBranch>(
    `select ref, encode(desired_oid, 'hex') as oid, class, deleted_at is not null as deleted
     from headstart_materializer.branches where repository_id = $1`,
    [repository.id],
  );
  const plan = planObservation(known, seen.observed, branchClassifier(repository, seen.defaultRef));
  const held = plan.guard !== undefined && !row.confirmed;
  const deleted = held ? [] : plan.deleted;
  const changes = [...plan.appeared, ...plan.moved];
  const owners = await branchOwners(client, observing, { plan, seen });
  await writeWanted(client, repository.id, { changes, owners, lastSeq: row.lastSeq });
  await writeClasses(client, repository.id, plan.reclassified);
  await writeDeleted(client, observing, { refs: deleted, lastSeq: row.lastSeq + changes.length });
  const changed = changes.length + deleted.length + plan.reclassified.length > 0;
  // A branch that git refuses for good is asked for less and less often.
  const failures = seen.observed.refused.size === 0 ? 0 : row.failures + 1;
  const wait = nextPollMs(
    { idleMs: changed ? 0 : (row.idleMs ?? undefined), failures },
    context.settings,
    Math.random(),
  );
  await client.query(
    `update headstart_materializer.repositories
     set last_seq = last_seq + $3, default_ref = $4, guard = $5, observed_at = now(),
         changed_at = case when $6 then now() else changed_at end,
         observe_at = case when hints = $7 then now() + $8 * interval '1 ms' else now() end,
         not_before = null, observe_failures = $9, unreadable_refs = $10, refused_refs = $11, error_code = null, error_message = null, error_at = null
     where id = $1 and observe_token = $2`,
    [
      repository.id,
      token,
      changes.length + deleted.length,
      seen.defaultRef,
      held ? plan.guard : null,
      changed,
      observing.hints,
      wait,
      failures,
      seen.unreadable.slice(0, MOST_NAMES).map(storable),
      [...seen.observed.refused].slice(0, MOST_NAMES),
    ],
  );
  return {
    outcome: changed ? "changed" : "unchanged",
    appeared: plan.appeared.length,
    moved: plan.moved.length,
    deleted: deleted.length,
    ignored: plan.ignored,
    guard: held ? plan.guard : undefined,
    unreadable: seen.unreadable,
    refused: [...seen.observed.refused],
  };
}

/**
 * Who a new draft belongs to: whoever a hint named, else the author of its tip. A hint that was there when the listing
 * began has said what it had to, also of a branch that is not new, or gone: who makes it anew later is somebody else.
 */
async function branchOwners(
  client: pg.ClientBase,
  { repository, told }: Observing,
  { plan, seen }: { plan: ObservationPlan; seen: Seen },
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ ref: string; pushedBy: string }>(
    `delete from headstart_materializer.hints h
     where h.repository_id = $1
       and (h.ref = any($2) or h.received_at < now() - interval '1 hour'
         or (h.ref <> all($3)
           and exists (select from unnest($4::text[], $5::text[]) as t (ref, at)
                       where t.ref = h.ref and t.at::timestamptz = h.received_at)))
     returning h.ref, h.pushed_by as "pushedBy"`,
    [
      repository.id,
      plan.appeared.map(({ ref }) => ref),
      // Of these nothing can be said yet.
      [...seen.observed.refused],
      told.map(({ ref }) => ref),
      told.map(({ at }) => at),
    ],
  );
  return new Map([...seen.authors, ...rows.map((row) => [row.ref, row.pushedBy] as const)]);
}

async function writeWanted(
  client: pg.ClientBase,
  repositoryId: string,
  wanted: { changes: ObservationPlan["appeared"]; owners: Map<string, string>; lastSeq: number },
): Promise<void> {
  const { changes, owners, lastSeq } = wanted;
  if (changes.length === 0) return;
  await client.query(
    `insert into headstart_materializer.branches as b (repository_id, ref, class, owner, desired_oid, desired_seq)
     select $1, w.ref, w.class, w.owner, decode(w.oid, 'hex'), $6 + w.n
     from unnest($2::text[], $3::text[], $4::text[], $5::text[]) with ordinality as w (ref, class, owner, oid, n)
     on conflict (repository_id, ref) do update
     set class = excluded.class, desired_oid = excluded.desired_oid, desired_seq = excluded.desired_seq,
         desired_at = now(), dirty = true, attempts = 0, parked_at = null,
         -- Who waits keeps the place: a branch that is pushed to without end would never get to the front.
         due_at = case when b.dirty and b.parked_at is null and b.deleted_at is null
                       then least(b.due_at, now()) else now() end,
         incarnation = b.incarnation + (b.deleted_at is not null)::int,
         owner = case when b.deleted_at is null then b.owner else excluded.owner end,
         deleted_at = null`,
    [
      repositoryId,
      changes.map((change) => change.ref),
      changes.map((change) => change.class),
      changes.map((change) => owners.get(change.ref) ?? null),
      changes.map((change) => change.oid),
      lastSeq,
    ],
  );
}

async function writeClasses(
  client: pg.ClientBase,
  repositoryId: string,
  reclassified: ObservationPlan["reclassified"],
): Promise<void> {
  if (reclassified.length === 0) return;
  await client.query(
    `update headstart_materializer.branches b set class = w.class
     from unnest($2::text[], $3::text[]) as w (ref, class)
     where b.repository_id = $1 and b.ref = w.ref`,
    [repositoryId, reclassified.map(({ ref }) => ref), reclassified.map((branch) => branch.class)],
  );
}

/** A tombstone keeps the branch's event log and sequence, so that a builder of the dead branch is fenced out. */
async function writeDeleted(
  client: pg.ClientBase,
  { repository }: Observing,
  { refs, lastSeq }: { refs: readonly string[]; lastSeq: number },
): Promise<void> {
  if (refs.length === 0) return;
  const { rows } = await client.query<{ id: string }>(
    `update headstart_materializer.branches b
     set deleted_at = now(), dirty = false, desired_seq = $3 + w.n, materialized_seq = $3 + w.n,
         served_version = null, latest_version = null, pinned_at = null, parked_at = null,
         lease_owner = null, lease_token = null, lease_until = null,
         error_code = null, error_message = null, error_oid = null, error_at = null
     from unnest($2::text[]) with ordinality as w (ref, n)
     where b.repository_id = $1 and b.ref = w.ref returning b.id::text`,
    [repository.id, refs, lastSeq],
  );
  await client.query("delete from headstart_materializer.branch_issues where branch_id = any($1)", [
    rows.map((row) => row.id),
  ]);
  for (const { id } of rows) await appendEvent(client, id, { event: "branch-deleted" });
}

/**
 * Records why a repository could not be observed and when it is tried again; what is served stays. A hint brings that
 * forward, but not before the time that the remote named, nor does it undo the doubling of the first waits.
 */
export async function recordFailure(context: Context, observing: Observing, error: unknown): Promise<void> {
  const retryAt = error instanceof GitError ? error.retryAt : undefined;
  const { rows } = await context.db.query<{ failures: number }>(
    `update headstart_materializer.repositories
     set observe_failures = observe_failures + 1, error_code = $3, error_message = $4, error_at = now()
     where id = $1 and observe_token = $2 returning observe_failures as failures`,
    [
      observing.repository.id,
      observing.token,
      error instanceof GitError ? error.code : "UNEXPECTED",
      error instanceof Error ? error.message : String(error),
    ],
  );
  const row = rows[0];
  if (row === undefined) return;
  const retryAfterMs = retryAt === undefined ? 0 : Math.max(0, retryAt.getTime() - Date.now());
  const wait = nextPollMs(
    { idleMs: undefined, failures: row.failures, retryAfterMs },
    context.settings,
    Math.random(),
  );
  await context.db.query(
    `update headstart_materializer.repositories
     set observe_at = case when hints = $3 then now() + $4 * interval '1 ms' else observe_at end,
         not_before = now() + $5 * interval '1 ms'
     where id = $1 and observe_token = $2`,
    [
      observing.repository.id,
      observing.token,
      observing.hints,
      wait,
      Math.max(retryAfterMs, Math.min(wait, context.settings.pollMinMs)),
    ],
  );
}
