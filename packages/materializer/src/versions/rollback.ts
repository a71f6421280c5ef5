import type pg from "pg";
import type { Context } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { appendEvent, type EventFacts } from "../events/append-event.ts";
import { findBranch, unknownBranch, type BranchName } from "./find-branch.ts";
import { asOf, type Version } from "./read-versions.ts";

/**
 * Serves an older version of a branch and pins it there: new commits are still built, and served after `unpin`.
 *
 * @param to a kept version's commit, in hex; without it the version before the newest.
 * @throws MaterializerError `BRANCH_UNKNOWN`, `VERSION_UNKNOWN`
 */
export async function rollback(
  context: Context,
  name: BranchName,
  { to, reason }: { to?: string; reason?: string } = {},
): Promise<Version> {
  const branch = await findBranch(context.db, name);
  const version = await asOf(context.db, name, { oid: to ?? (await oidBefore(context, branch)) });
  await inTransaction(context.db, async (client) => {
    const { rowCount } = await client.query(
      `update headstart_materializer.branches set served_version = $2, pinned_at = now()
       where id = $1 and deleted_at is null and incarnation = $3`,
      [branch.id, version.id, branch.incarnation],
    );
    if (rowCount === 0) unknownBranch(name);
    await served(client, branch.id, {
      event: "branch-pinned",
      version,
      previousOid: branch.servedOid,
      reason,
    });
  });
  return version;
}

async function oidBefore(
  context: Context,
  branch: { id: string; latestVersion: string | null },
): Promise<string> {
  const { rows } = await context.db.query<{ oid: string }>(
    `select encode(v.oid, 'hex') as oid from headstart_materializer.versions v
     where v.branch_id = $1 and v.id <> $2 order by v.seq desc limit 1`,
    [branch.id, branch.latestVersion],
  );
  return rows[0]?.oid ?? "(none before the newest)";
}

/** Ends a rollback: the newest version is served again. A branch that is not pinned stays as it is. */
export async function unpin(context: Context, name: BranchName): Promise<void> {
  const branch = await findBranch(context.db, name);
  await inTransaction(context.db, async (client) => {
    const { rowCount } = await client.query(
      `update headstart_materializer.branches set served_version = latest_version, pinned_at = null
       where id = $1 and pinned_at is not null and deleted_at is null`,
      [branch.id],
    );
    if (rowCount === 0) return;
    const version = await latest(client, branch.id);
    await served(client, branch.id, {
      event: "branch-unpinned",
      version,
      previousOid: branch.servedOid,
    });
  });
}

async function latest(
  client: pg.ClientBase,
  branchId: string,
): Promise<{ id: string; oid: string } | undefined> {
  const { rows } = await client.query<{ id: string; oid: string }>(
    `select v.id::text, encode(v.oid, 'hex') as oid from headstart_materializer.branches b
     join headstart_materializer.versions v on v.id = b.latest_version where b.id = $1`,
    [branchId],
  );
  return rows[0];
}

async function served(
  client: pg.ClientBase,
  branchId: string,
  facts: {
    event: EventFacts["event"];
    version?: Pick<Version, "id" | "oid"> | undefined;
    previousOid: string | null;
    reason?: string | undefined;
  },
): Promise<void> {
  await appendEvent(client, branchId, {
    event: facts.event,
    ...(facts.version !== undefined && { version: facts.version.id, oid: facts.version.oid }),
    ...(facts.previousOid !== null && { previousOid: facts.previousOid }),
    ...(facts.reason !== undefined && { reason: facts.reason }),
  });
}
