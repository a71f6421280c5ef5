import type { Context } from "../context.ts";
import { countNoun } from "../count-noun.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { appendEvent, wakeConsumers } from "../events/append-event.ts";
import { options, text, wholeNumber } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import { fullRef, type BranchClass } from "../repositories/classify-branch.ts";
import { takeFairly, takeOnly } from "./due-branches.ts";
import { release } from "./lease.ts";

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

export interface ClaimOptions {
  /** How many branches to take at most, up to 10,000. Default 1. */
  readonly limit?: number | undefined;
  /** The only repository to take branches of, or the only branch; without it, whichever come first. */
  readonly only?: { readonly repository: string; readonly branch?: string | undefined } | undefined;
}

const claimOptions = options({
  limit: wholeNumber(1, 10_000).optional(),
  only: options({ repository: text(), branch: text().optional() }).optional(),
});

/** One claim in so many lets age decide between branches that have waited long, whatever turns their tenants had. */
const BY_AGE = 1 / 8;

/** The repository at which this process's last claim ended: the next one begins behind it. */
const ends = new WeakMap<Context, string>();

/**
 * Takes at most `limit` due branches: live before drafts, and in turns between tenants and repositories, counting
 * the builds each already has. Only branches whose projector this process has are taken. Nobody waits for anybody:
 * rows that another process is taking are skipped.
 *
 * One claim looks at a bounded number of repositories and the next one goes on behind them, so that a process comes
 * round to each: where very many are paused or wait for another release, one that takes nothing may not have seen all. Turns are then those of the repositories in sight: that no branch is passed
 * over for ever is up to the claims that go by age.
 *
 * A branch that has used up its attempts, the last of them without a word because its builder died, is parked here.
 *
 * @throws MaterializerError `OPTION_INVALID`
 */
export async function claim(context: Context, given: ClaimOptions = {}): Promise<Lease[]> {
  checkOptions("claim", claimOptions, given);
  const { limit = 1, only } = given;
  const taken =
    only === undefined ? await claimFairly(context, limit) : await claimOnly(context, limit, only);
  const kept = taken.some(({ renewed }) => renewed) ? await withPresentProjectors(context, taken) : taken;
  for (const { lease } of kept.filter(({ crashed }) => crashed)) await parkCrashed(context, lease);
  return kept.filter(({ crashed }) => !crashed).map(({ lease }) => lease);
}

interface Claimed {
  readonly lease: Lease;
  readonly crashed: boolean;
  /** Whether the branch's state is newer than what the statement saw of the repository. */
  readonly renewed: boolean;
}

/**
 * A row that is locked is read as it is by then, and all others as they were when the statement began: the branch may
 * have the state that a registration gave it meanwhile, and the projector still be the one before. What became that of
 * another release is given back.
 */
async function withPresentProjectors(context: Context, taken: readonly Claimed[]): Promise<Claimed[]> {
  const { rows } = await context.db.query<{ name: string; projector: string }>(
    "select name, projector from headstart_materializer.repositories where name = any($1)",
    [taken.map(({ lease }) => lease.repository)],
  );
  const present = new Map(rows.map(({ name, projector }) => [name, projector]));
  const ours = new Set([...context.projectors.values()].map(({ identity }) => identity));
  const kept: Claimed[] = [];
  for (const claimed of taken) {
    const projector = present.get(claimed.lease.repository);
    if (projector !== undefined && ours.has(projector))
      kept.push({ ...claimed, lease: { ...claimed.lease, projector } });
    else await release(context, claimed.lease);
  }
  return kept;
}

async function claimFairly(context: Context, limit: number): Promise<Claimed[]> {
  const from = ends.get(context) ?? null;
  const { claimed, end } = await leaseTaken(context, {
    take: takeFairly,
    end: "(select k.id::text from walk k order by k.step desc limit 1)",
    values: [limit, from, Math.random() < BY_AGE],
  });
  if (end !== null) ends.set(context, end);
  return claimed;
}

async function claimOnly(
  context: Context,
  limit: number,
  { repository, branch }: NonNullable<ClaimOptions["only"]>,
): Promise<Claimed[]> {
  const ref = branch === undefined ? null : fullRef(branch);
  const values = [limit, repository, ref];
  return (await leaseTaken(context, { take: takeOnly, end: "null", values })).claimed;
}

/** Without a branch it tells the end alone. */
type Row = Omit<Lease, "branchId"> &
  Omit<Claimed, "lease"> & { readonly branchId: string | null; readonly end: string | null };

/**
 * Leases what `take` locked, in the same statement. `values` are its parameters but $2, the projectors. `end` is the
 * repository at which it ended, if it went from one to the next: whether anything was taken or not.
 */
async function leaseTaken(
  context: Context,
  { take, end, values: [limit, ...values] }: { take: string; end: string; values: unknown[] },
): Promise<{ claimed: Claimed[]; end: string | null }> {
  const identities = [...context.projectors.values()].map((projector) => projector.identity);
  const { leaseMs, maxAttempts } = context.settings;
  const { rows } = await context.db.query<Row>(
    `with recursive ${take}, leased as (
     update headstart_materializer.branches b
     set lease_owner = $5, lease_token = nextval('headstart_materializer.tokens'),
         lease_until = clock_timestamp() + $6 * interval '1 ms', attempts = b.attempts + 1
     from taken t, headstart_materializer.repositories r
     where b.id = t.id and r.id = b.repository_id
     returning b.id::text as "branchId", r.name as repository, b.ref, b.class, b.incarnation,
               encode(b.desired_oid, 'hex') as oid, b.desired_seq::float8 as seq, r.projector,
               b.from_scratch as "fromScratch", b.lease_token::text as token, b.attempts as attempt,
               b.attempts > $7 as crashed, b.desired_seq > r.last_seq as renewed
     )
     select l.*, e."end" from (select ${end} as "end") e left join leased l on true`,
    [limit, identities, ...values, context.worker, leaseMs, maxAttempts],
  );
  let last: string | null = null;
  const claimed: Claimed[] = [];
  for (const { branchId, crashed, renewed, end: at, ...lease } of rows) {
    last = at;
    if (branchId !== null) claimed.push({ lease: { branchId, ...lease }, crashed, renewed });
  }
  return { claimed, end: last };
}

/** Whoever wants the branch built meanwhile, for a new commit or by `redrive`, counts its attempts anew: it is due then. */
async function parkCrashed(context: Context, lease: Lease): Promise<void> {
  const { branchId, token, attempt } = lease;
  const reason = `${countNoun(attempt - 1, "build")} of this commit failed, the last without a word: its process died or lost its lease.`;
  const parked = await inTransaction(context.db, async (client) => {
    const { rowCount } = await client.query(
      `update headstart_materializer.branches
       set parked_at = now(), lease_owner = null, lease_token = null, lease_until = null,
           error_code = 'BUILD_CRASHED', error_message = $3, error_oid = desired_oid, error_at = now()
       where id = $1 and lease_token = $2 and attempts = $4`,
      [branchId, token, reason, attempt],
    );
    if (rowCount !== 1) return false;
    await appendEvent(client, branchId, { event: "branch-parked", code: "BUILD_CRASHED", reason });
    return true;
  });
  if (parked) await wakeConsumers(context.db);
  else await release(context, lease);
}
