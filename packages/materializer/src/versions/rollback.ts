import type pg from "pg";
import type { Context } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { storable } from "../database/storable.ts";
import { appendEvent, type EventFacts, wakeConsumers } from "../events/append-event.ts";
import { findBranch, unknownBranch, type Branch, type BranchName } from "./find-branch.ts";
import { asOf, type Version } from "./read-versions.ts";
import { versionBefore } from "./version-before.ts";

/**
 * Serves an older version of a branch and pins it there: new commits are still built, and served after `unpin`.
 *
 * @param to a kept version's commit, in hex: its newest version. Without it the newest version older than the served one
 *   that differs from it in its commit or its rows, so that another call goes one further back.
 * @throws MaterializerError `BRANCH_UNKNOWN`, `VERSION_UNKNOWN`
 */
export async function rollback(
  context: Context,
  name: BranchName,
  { to, reason }: { to?: string; reason?: string } = {},
): Promise<Version> {
  const rolledBack = await inTransaction(context.db, async (client) => {
    const branch = await lock(client, name);
    if (branch.deletedAt !== null) unknownBranch(name);
    const version =
      to === undefined ? await versionBefore(client, branch) : await asOf(client, name, { oid: to });
    await client.query(
      `update headstart_materializer.branches
       set served_version = $2, pinned_at = now(),
           audit_differences = case when served_version = $2 then audit_differences end where id = $1`,
      [branch.id, version.id],
    );
    await served(client, branch.id, {
      event: "branch-pinned",
      version,
      previousOid: branch.servedOid,
      reason,
    });
    return version;
  });
  await wakeConsumers(context.db);
  return rolledBack;
}

/** A branch as it is while nobody else can change it, nor forget a version of it. */
async function lock(client: pg.ClientBase, name: BranchName): Promise<Branch> {
  const { id } = await findBranch(client, name);
  await client.query("select from headstart_materializer.branches where id = $1 for no key update", [id]);
  return await findBranch(client, name);
}

/** Ends a rollback: the newest version is served again. A branch that is not pinned stays as it is. */
export async function unpin(context: Context, name: BranchName): Promise<void> {
  const unpinned = await inTransaction(context.db, async (client) => {
    const branch = await lock(client, name);
    if (branch.pinnedAt === null) return false;
    await client.query(
      `update headstart_materializer.branches
       set served_version = latest_version, pinned_at = null,
           audit_differences = case when served_version = latest_version then audit_differences end where id = $1`,
      [branch.id],
    );
    const version = await latest(client, branch.id);
    await served(client, branch.id, {
      event: "branch-unpinned",
      version,
      previousOid: branch.servedOid,
    });
    return true;
  });
  if (unpinned) await wakeConsumers(context.db);
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
    ...(facts.reason !== undefined && { reason: storable(facts.reason) }),
  });
}
