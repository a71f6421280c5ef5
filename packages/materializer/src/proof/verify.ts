import { assembleInBatches } from "../build/assemble-in-batches.ts";
import { listUnits } from "../build/list-units.ts";
import { openCommit, type OpenCommit } from "../build/open-commit.ts";
import type { Context } from "../context.ts";
import { countNoun } from "../count-noun.ts";
import { inTransaction } from "../database/in-transaction.ts";
import { MaterializerError } from "../errors.ts";
import { appendEvent, wakeConsumers } from "../events/append-event.ts";
import type { Projector } from "../projector/projector.ts";
import { findRepository } from "../repositories/repository.ts";
import { findBranch, type BranchName } from "../versions/find-branch.ts";
import { rebuild } from "../versions/redrive.ts";
import { compareUnits, type Difference } from "./compare-units.ts";

/** Whether a branch is what git says, asked of git itself. */
export interface Verification {
  readonly repository: string;
  readonly ref: string;
  /** The branch's tip in the remote at this moment; undefined when the remote has no such branch. */
  readonly gitOid: string | undefined;
  /** The commit whose projection readers saw when it began. */
  readonly servedOid: string | undefined;
  /** Whether readers see the remote's tip, or no version at all of a branch that is gone. */
  readonly current: boolean;
  /** Where the served version is not what its own commit gives, at most a thousand. */
  readonly differences: readonly Difference[];
}

const MOST_DIFFERENCES = 1000;

/** Proofs that are begun of a branch whose versions are forgotten before they are proved. */
const PROOFS = 4;

/**
 * Projects the served commit of a branch again, from git alone and without the cache of parsed blobs, and compares
 * every file, row and issue with what is stored. Reads only.
 *
 * @throws MaterializerError `BRANCH_UNKNOWN`; `VERSION_UNKNOWN` when version after version was forgotten before it was
 *   compared; `PROJECTOR_UNKNOWN` when this process has not the revision of the projector
 *   that made the served version; GitError as git failed, `RefMissing` when the served commit has left the repository and
 *   this machine's mirror never had it: then nothing proves the version.
 */
export async function verify(
  context: Context,
  name: BranchName,
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<Verification> {
  return (await prove(context, name, signal)).verification;
}

/** What was verified, with the id of the version. */
interface Proof {
  readonly verification: Verification;
  readonly version: string | null;
}

/** Answers for the version that was served when it began, whatever is served by the time it ends. */
async function prove(context: Context, name: BranchName, signal: AbortSignal): Promise<Proof> {
  for (let left = PROOFS; left > 0; left -= 1) {
    const proof = await proveServed(context, name, signal);
    if (proof !== undefined) return proof;
  }
  throw new MaterializerError(
    "VERSION_UNKNOWN",
    `Whatever ${JSON.stringify(name.branch)} of ${JSON.stringify(name.repository)} served was replaced and forgotten before it was compared with git, ${PROOFS} times running.`,
    { hint: "Verify it when it is pushed to less often, or raise settings.history." },
  );
}

/** Undefined when the version was forgotten meanwhile, so that what it lacks says nothing: a newer one is served. */
async function proveServed(
  context: Context,
  name: BranchName,
  signal: AbortSignal,
): Promise<Proof | undefined> {
  const repository = await findRepository(context.db, name.repository);
  const mirror = await context.mirrors.of(repository, signal);
  const gitOid = (await mirror.listRemote({ signal })).refs.get((await findBranch(context.db, name)).ref);
  const branch = await findBranch(context.db, name);
  const { repository: repositoryName, ref, servedVersion: version, servedOid } = branch;
  const facts = { repository: repositoryName, ref, gitOid };
  if (version === null || servedOid === null) {
    const verification = { ...facts, servedOid: undefined, current: gitOid === undefined, differences: [] };
    return { verification, version };
  }
  const projector = await projectorOf(context, version);
  if (projector === undefined) return undefined;
  const opened = await openCommit(context, repository, {
    oid: servedOid,
    projector,
    cache: "ignore",
    signal,
  });
  const differences = (await compareTree(opened, version)).slice(0, MOST_DIFFERENCES);
  if (differences.length > 0 && !(await isKept(context, version))) return undefined;
  return { verification: { ...facts, servedOid, current: gitOid === servedOid, differences }, version };
}

async function isKept(context: Context, version: string): Promise<boolean> {
  const { rowCount } = await context.db.query("select from headstart_materializer.versions where id = $1", [
    version,
  ]);
  return rowCount === 1;
}

/** The projector that made a version, since no other gives its rows; undefined when the version is forgotten by now. */
async function projectorOf(context: Context, version: string): Promise<Projector | undefined> {
  const { rows } = await context.db.query<{ identity: string }>(
    "select projector as identity from headstart_materializer.versions where id = $1",
    [version],
  );
  const [made] = rows;
  if (made === undefined) return undefined;
  const known = [...context.projectors.values()].find(({ identity }) => identity === made.identity);
  if (known !== undefined) return known;
  throw new MaterializerError(
    "PROJECTOR_UNKNOWN",
    "The served version is of a revision of its projector, or of limits, that this process does not have.",
    { hint: "Verify it where that revision runs, or once the branch is built by this one." },
  );
}

async function compareTree({ source, commit }: OpenCommit, version: string): Promise<Difference[]> {
  const { context } = source;
  const { units } = await listUnits(source, commit.tree);
  const differences: Difference[] = [];
  for await (const batch of assembleInBatches(source, units)) {
    // Not spread: a call takes some hundred thousand arguments at most, and a unit may have more rows.
    for (const each of await compareUnits(context.db, version, batch.units)) differences.push(each);
    if (differences.length >= MOST_DIFFERENCES) return differences;
  }
  const { rows } = await context.db.query<{ unit: string }>(
    `select distinct unit from headstart_materializer.version_files where version_id = $1
     union select distinct unit from headstart_materializer.version_rows where version_id = $1`,
    [version],
  );
  const gone = rows.filter(({ unit }) => !units.has(unit));
  const empty = gone.map(({ unit }) => ({ unit, files: [], rows: [], issues: [] }));
  if (empty.length > 0)
    for (const each of await compareUnits(context.db, version, empty)) differences.push(each);
  return differences;
}

interface Audited extends BranchName {
  readonly id: string;
  readonly pinned: boolean;
  /** The version that an audit before found to differ. */
  readonly diverged: string | null;
}

/**
 * Verifies the branch that was not verified for longest, of those whose served version a projector of this process made.
 * When what is stored is not what git gives, a `branch-diverged` event says so and a rebuild from scratch is ordered:
 * once for a version, since of a pinned branch, or one whose newest commit is bad, another is not served by that.
 * One call is one step of a rolling audit.
 *
 * @returns undefined when there is no branch to audit.
 */
export async function auditNext(
  context: Context,
  { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
): Promise<Verification | undefined> {
  const { rows } = await context.db.query<Audited>(
    `update headstart_materializer.branches b set audited_at = now()
     from headstart_materializer.repositories r
     where r.id = b.repository_id and b.id = (
       select c.id from headstart_materializer.branches c
       join headstart_materializer.repositories p on p.id = c.repository_id
       join headstart_materializer.versions v on v.id = c.served_version
       where c.served_version is not null and c.deleted_at is null and p.paused_at is null
         and v.projector = any($1)
       order by c.audited_at nulls first, c.id limit 1 for update of c skip locked)
     returning b.id::text, r.name as repository, b.ref as branch, b.pinned_at is not null as pinned,
               b.diverged_version::text as diverged`,
    [[...context.projectors.values()].map((projector) => projector.identity)],
  );
  const next = rows[0];
  if (next === undefined) return undefined;
  try {
    const proof = await prove(context, next, signal);
    await recordAudit(context, next, proof);
    return proof.verification;
  } catch (error) {
    // Meanwhile a process of another revision has published: it audits that.
    if (error instanceof MaterializerError && error.code === "PROJECTOR_UNKNOWN") return undefined;
    throw error;
  }
}

async function recordAudit(
  context: Context,
  audited: Audited,
  { verification, version }: Proof,
): Promise<void> {
  const found = verification.differences.length;
  const isNew = found > 0 && version !== audited.diverged;
  await inTransaction(context.db, async (client) => {
    // First, for it locks the repository's row, which everybody locks before a branch's.
    if (isNew) await rebuild(client, audited);
    // Of a version that was replaced meanwhile it says nothing: that one is audited in its turn.
    await client.query(
      `update headstart_materializer.branches
       set audit_differences = $2, diverged_version = case when $2 > 0 then $3::bigint end
       where id = $1 and served_version is not distinct from $3::bigint`,
      [audited.id, found, version],
    );
    if (!isNew) return;
    const outcome = audited.pinned
      ? "The newest commit is built anew; the pinned version stays as it is until it is unpinned or rolled back."
      : "The branch is built anew.";
    const reason = `What is stored differed from what git gives in ${countNoun(found, "place")}. ${outcome}`;
    await appendEvent(client, audited.id, { event: "branch-diverged", oid: verification.servedOid, reason });
  });
  if (isNew) await wakeConsumers(context.db);
}
