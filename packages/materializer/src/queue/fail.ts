import type pg from "pg";
import type { Context } from "../context.ts";
import { countNoun } from "../count-noun.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { storable } from "../database/storable.ts";
import { appendEvent, wakeConsumers } from "../events/append-event.ts";
import { GitError } from "../git/git-error.ts";
import type { ContentIssue } from "../projector/projector.ts";
import type { Lease } from "./claim.ts";
import { leaseLost } from "./lease.ts";
import { retryDelayMs } from "./retry-delay.ts";

/** How a build failed. Content stays wrong until somebody commits; anything else is worth another try. */
export type Failure =
  | {
      readonly kind: "content";
      readonly code: string;
      readonly message: string;
      readonly issues: readonly ContentIssue[];
    }
  | {
      readonly kind: "transient";
      readonly code: string;
      readonly message: string;
      readonly retryAt?: Date | undefined;
    }
  /** Git gives no such commit: most likely the branch has moved on, so the repository is looked at again. */
  | { readonly kind: "moved" };

export type Failed = "recorded" | "retrying" | "parked" | "observing";

/** Content that is too large to project is as wrong as content that does not parse. */
export function failureOf(error: unknown): Failure {
  if (error instanceof GitError) {
    if (error.kind === "RefMissing") return { kind: "moved" };
    if (error.kind === "TooLarge")
      return { kind: "content", code: error.code, message: error.message, issues: [] };
    return { kind: "transient", code: error.code, message: error.message, retryAt: error.retryAt };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "transient", code: errorCode(error), message };
}

function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "UNEXPECTED";
}

/**
 * Records a failed build beside what the branch serves, never over it, and gives the lease back. Content failures
 * settle the wanted state; transient ones come back after a growing, jittered delay and are parked in the end.
 *
 * @throws MaterializerError `LEASE_LOST` when somebody else holds the branch: then nothing was recorded.
 */
export async function fail(context: Context, lease: Lease, failure: Failure): Promise<Failed> {
  const failed = await inTransaction(context.db, async (client) => {
    // Before the branch is locked: whoever locks both begins with the repository.
    if (failure.kind === "moved") await observeAgain(client, lease.repository);
    const { rows } = await client.query<{ current: boolean }>(
      `select desired_seq = $3 as current from headstart_materializer.branches
       where id = $1 and lease_token = $2 and deleted_at is null for no key update`,
      [lease.branchId, lease.token, lease.seq],
    );
    const row = rows[0];
    if (row === undefined) throw leaseLost(lease);
    const { current } = row;
    if (failure.kind === "content") return await settle(client, { lease, failure, current });
    const parked = current && lease.attempt >= context.settings.maxAttempts;
    if (failure.kind === "transient") return await retryLater(client, { lease, failure, current, parked });
    if (parked) return await park(client, { lease, failure: noCommit(lease) });
    await comeBack(client, { lease, delayMs: current ? backOff(lease) : 0 });
    return "observing";
  });
  if (failed === "recorded" || failed === "parked") await wakeConsumers(context.db);
  return failed;
}

const giveBack = "lease_owner = null, lease_token = null, lease_until = null";

/** What is said of a branch whose ref went on naming what git does not give, or what is no commit. */
function noCommit({ oid, attempt }: Lease): { code: string; message: string } {
  return {
    code: "GIT_REF_MISSING",
    message: `The branch names ${oid}, which is no commit or which the repository does not give: tried ${countNoun(attempt, "time")}.`,
  };
}

function backOff({ attempt }: Lease): number {
  return retryDelayMs(attempt, Math.random());
}

async function observeAgain(client: pg.ClientBase, repository: string): Promise<void> {
  await client.query(
    "update headstart_materializer.repositories set hints = hints + 1, observe_at = now() where name = $1",
    [repository],
  );
}

async function comeBack(
  client: pg.ClientBase,
  { lease, delayMs }: { lease: Lease; delayMs: number },
): Promise<void> {
  await client.query(
    `update headstart_materializer.branches set ${giveBack}, due_at = now() + $2 * interval '1 ms' where id = $1`,
    [lease.branchId, delayMs],
  );
}

async function settle(
  client: pg.ClientBase,
  { lease, failure, current }: { lease: Lease; failure: Failure & { kind: "content" }; current: boolean },
): Promise<Failed> {
  await client.query(
    `update headstart_materializer.branches
     set ${giveBack}, dirty = dirty and not $2, due_at = now(), attempts = 0, from_scratch = from_scratch and not $2,
         error_code = $3, error_message = $4, error_oid = decode($5, 'hex'), error_at = now()
     where id = $1`,
    [lease.branchId, current, failure.code, storable(failure.message), lease.oid],
  );
  await replaceIssues(client, lease.branchId, failure.issues);
  await appendEvent(client, lease.branchId, {
    event: "branch-failed",
    oid: lease.oid,
    seq: lease.seq,
    code: failure.code,
    reason: storable(failure.message),
  });
  return "recorded";
}

/** A state that nobody wants any more says nothing about the newer one, which is due as soon as the remote allows. */
async function retryLater(
  client: pg.ClientBase,
  {
    lease,
    failure,
    current,
    parked,
  }: { lease: Lease; failure: Failure & { kind: "transient" }; current: boolean; parked: boolean },
): Promise<Failed> {
  if (parked) return await park(client, { lease, failure });
  const asked = failure.retryAt === undefined ? 0 : failure.retryAt.getTime() - Date.now();
  await comeBack(client, { lease, delayMs: Math.max(asked, current ? backOff(lease) : 0) });
  if (current) await recordError(client, lease, failure);
  return "retrying";
}

async function recordError(
  client: pg.ClientBase,
  lease: Lease,
  { code, message }: { code: string; message: string },
): Promise<void> {
  await client.query(
    `update headstart_materializer.branches
     set error_code = $2, error_message = $3, error_oid = decode($4, 'hex'), error_at = now() where id = $1`,
    [lease.branchId, code, storable(message), lease.oid],
  );
}

async function park(
  client: pg.ClientBase,
  { lease, failure }: { lease: Lease; failure: { readonly code: string; readonly message: string } },
): Promise<Failed> {
  await client.query(
    `update headstart_materializer.branches set ${giveBack}, parked_at = now() where id = $1`,
    [lease.branchId],
  );
  await recordError(client, lease, failure);
  await appendEvent(client, lease.branchId, {
    event: "branch-parked",
    oid: lease.oid,
    seq: lease.seq,
    code: failure.code,
    reason: storable(failure.message),
  });
  return "parked";
}

/** Replaces what is wrong with the branch's newest content. */
async function replaceIssues(
  client: pg.ClientBase,
  branchId: string,
  issues: readonly ContentIssue[],
): Promise<void> {
  await client.query("delete from headstart_materializer.branch_issues where branch_id = $1", [branchId]);
  if (issues.length === 0) return;
  await client.query(
    `insert into headstart_materializer.branch_issues
       (branch_id, ordinal, path, line, column_number, code, message, severity)
     select $1, w.ordinal, w.path, w.line, w.column_number, w.code, w.message, w.severity
     from unnest($2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[]) with ordinality
       as w (path, line, column_number, code, message, severity, ordinal)`,
    [
      branchId,
      issues.map((issue) => storable(issue.path)),
      issues.map((issue) => issue.line),
      issues.map((issue) => issue.column),
      issues.map((issue) => issue.code),
      issues.map((issue) => storable(issue.message)),
      issues.map((issue) => issue.severity),
    ],
  );
}
