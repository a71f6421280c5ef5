import { assembleInBatches } from "../build/build-units.ts";
import { listUnits } from "../build/list-units.ts";
import { openCommit, type OpenCommit } from "../build/open-commit.ts";
import type { Context } from "../context.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { appendEvent } from "../events/append-event.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBranch, type BranchName } from "../versions/find-branch.ts";
import { compareUnits, type Difference } from "./compare-units.ts";

/** Whether a branch is what git says, asked of git itself. */
export interface Verification {
  readonly repository: string;
  readonly ref: string;
  /** The branch's tip in the remote at this moment; undefined when the remote has no such branch. */
  readonly gitOid: string | undefined;
  /** The commit whose projection readers see. */
  readonly servedOid: string | undefined;
  /** Whether readers see the remote's tip, or no version at all of a branch that is gone. */
  readonly current: boolean;
  /** Where the served version is not what its own commit gives, at most a thousand. */
  readonly differences: readonly Difference[];
}

const MOST_DIFFERENCES = 1000;

/**
 * Projects the served commit of a branch again, from git alone and without the cache of parsed blobs, and compares
 * every file, row and issue with what is stored. Reads only.
 *
 * @throws MaterializerError `BRANCH_UNKNOWN`, `PROJECTOR_UNKNOWN`; GitError as git failed, `RefMissing` when the served
 *   commit has left the repository and this machine's mirror never had it: then nothing proves the version.
 */
export async function verify(
  context: Context,
  name: BranchName,
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<Verification> {
  const repository = await findRepository(context.db, name.repository);
  const mirror = await context.mirrors.of(repository);
  const gitOid = (await mirror.listRemote({ signal })).refs.get((await findBranch(context.db, name)).ref);
  const branch = await findBranch(context.db, name);
  const { repository: repositoryName, ref, servedVersion, servedOid } = branch;
  const facts = { repository: repositoryName, ref, gitOid };
  if (servedVersion === null || servedOid === null) {
    return { ...facts, servedOid: undefined, current: gitOid === undefined, differences: [] };
  }
  const opened = await openCommit(context, repository, { oid: servedOid, cache: "ignore", signal });
  const differences = await compareTree(opened, servedVersion);
  const still = await findBranch(context.db, name);
  // The version may have been replaced and forgotten meanwhile: then the newer one is what to verify.
  if (still.servedVersion !== servedVersion) return await verify(context, name, { signal });
  return {
    ...facts,
    servedOid,
    current: gitOid === servedOid,
    differences: differences.slice(0, MOST_DIFFERENCES),
  };
}

async function compareTree({ source, commit }: OpenCommit, version: string): Promise<Difference[]> {
  const { context } = source;
  const { units } = await listUnits(source, commit.tree);
  const differences: Difference[] = [];
  for await (const batch of assembleInBatches(source, units)) {
    differences.push(...(await compareUnits(context.db, version, batch.units)));
    if (differences.length >= MOST_DIFFERENCES) return differences;
  }
  const { rows } = await context.db.query<{ unit: string }>(
    `select distinct unit from headstart_materializer.version_files where version_id = $1
     union select distinct unit from headstart_materializer.version_rows where version_id = $1`,
    [version],
  );
  const gone = rows.filter(({ unit }) => !units.has(unit));
  const empty = gone.map(({ unit }) => ({ unit, files: [], rows: [], issues: [] }));
  if (empty.length > 0) differences.push(...(await compareUnits(context.db, version, empty)));
  return differences;
}

/**
 * Verifies the branch that was not verified for longest. When what is stored is not what git gives, a
 * `branch-diverged` event says so and a rebuild from scratch is ordered. One call is one step of a rolling audit.
 *
 * @returns undefined when there is no branch to audit.
 */
export async function auditNext(
  context: Context,
  {
    signal,
    repair,
  }: { signal?: AbortSignal; repair: (name: BranchName, differences: number) => Promise<void> },
): Promise<Verification | undefined> {
  const { rows } = await context.db.query<BranchName & { id: string }>(
    `update headstart_materializer.branches b set audited_at = now()
     from headstart_materializer.repositories r
     where r.id = b.repository_id and b.id = (
       select c.id from headstart_materializer.branches c
       join headstart_materializer.repositories p on p.id = c.repository_id
       where c.served_version is not null and c.deleted_at is null and p.paused_at is null
         and p.projector = any($1)
       order by c.audited_at nulls first, c.id limit 1 for update of c skip locked)
     returning b.id::text, r.name as repository, b.ref as branch`,
    [[...context.projectors.values()].map((projector) => projector.identity)],
  );
  const next = rows[0];
  if (next === undefined) return undefined;
  const verification = await verify(context, next, signal === undefined ? {} : { signal });
  const found = verification.differences.length;
  await inTransaction(context.db, async (client) => {
    await client.query("update headstart_materializer.branches set audit_differences = $2 where id = $1", [
      next.id,
      found,
    ]);
    if (found === 0) return;
    const reason = `${found} files, rows or issues were not what git gives. They are built anew.`;
    await appendEvent(client, next.id, { event: "branch-diverged", oid: verification.servedOid, reason });
  });
  if (found > 0) await repair(next, found);
  return verification;
}
