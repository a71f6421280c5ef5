import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "../context.ts";
import { materialize, type Materialized } from "../build/materialize.ts";
import { MaterializerError } from "../errors.ts";
import { observe } from "../observe/observe.ts";
import { explain } from "../proof/explain.ts";
import { claim } from "../queue/claim.ts";
import { beingBuilt } from "../queue/due-branches.ts";
import { fullRef, shortName } from "../repositories/classify-branch.ts";
import { hint } from "../requests/hint.ts";
import type { RepositoryBranchUpdated } from "../requests/messages.ts";
import type { MaterializationRequests } from "../requests/request-materialization.ts";

/** Does the work of a request before it returns. For tests and small tools; an object that is passed, never a global. */
export interface InProcessRunner extends MaterializationRequests {
  /**
   * Returns once every requested branch is published, or its newest commit is known to be bad.
   *
   * @throws MaterializerError `REQUEST_UNFINISHED` when a branch waits for another attempt, for `resume` or `redrive`, or
   *   for a process that has its projector; `REPOSITORY_UNKNOWN`, `OPTION_INVALID`. GitError as `observe` throws it.
   */
  request(...messages: readonly RepositoryBranchUpdated[]): Promise<void>;
  /**
   * Observes a repository and builds what is due of it, after whoever else does at the moment, until nothing is. What
   * failed and is tried again later is in what it returns, and not waited for.
   */
  settle(repository: string): Promise<Materialized[]>;
}

export function inProcessRunner(
  context: Context,
  { signal }: { signal?: AbortSignal | undefined } = {},
): InProcessRunner {
  const settle = async (repository: string): Promise<Materialized[]> => {
    const done: Materialized[] = [];
    for (let again = true; again;) {
      signal?.throwIfAborted();
      const observed = await observeInTurn(context, repository, signal);
      const some = await buildInTurn(context, repository, signal);
      done.push(...some);
      // A commit that has left the repository says that a branch has moved on since.
      again = !observed || some.some((one) => one.outcome === "failed" && one.how === "observing");
    }
    return done;
  };
  return {
    settle,
    request: async (...messages) => {
      await hint(context.db, ...messages);
      for (const repository of new Set(messages.map((message) => message.repository)))
        await settle(repository);
      for (const message of messages) await requireOutcome(context, message);
    },
  };
}

/** Milliseconds between two looks whether the other observer or builder is done. */
const BUSY_MS = 50;

/**
 * Whoever observes at the moment may have listed the repository before what was asked for had come there.
 *
 * @returns false when another observer was quicker than this one
 */
async function observeInTurn(
  context: Context,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (;;) {
    const { outcome } = await observe(context, repository, { signal });
    if (outcome !== "busy") return outcome !== "superseded";
    await pause(BUSY_MS, undefined, { signal });
  }
}

/** Whoever builds a branch at the moment may not come to its end: then it is taken over when their lease runs out. */
async function buildInTurn(
  context: Context,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<Materialized[]> {
  const identities = [...context.projectors.values()].map(({ identity }) => identity);
  const done: Materialized[] = [];
  for (;;) {
    done.push(...(await buildDue(context, repository, signal)));
    const { rowCount } = await context.db.query(beingBuilt, [repository, identities]);
    if (rowCount === 0) return done;
    await pause(BUSY_MS, undefined, { signal });
  }
}

async function buildDue(
  context: Context,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<Materialized[]> {
  const done: Materialized[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const leases = await claim(context, { limit: 16, only: { repository } });
    if (leases.length === 0) return done;
    for (const lease of leases) done.push(await materialize(context, lease, { signal }));
  }
}

/** @throws MaterializerError `REQUEST_UNFINISHED` */
async function requireOutcome(
  context: Context,
  { repository, branch }: RepositoryBranchUpdated,
): Promise<void> {
  const { rows } = await context.db.query<{ ref: string }>(
    `select b.ref from headstart_materializer.branches b
     join headstart_materializer.repositories r on r.id = b.repository_id
     where r.name = $1 and ($2::text is null or b.ref = $2) and b.dirty and b.deleted_at is null
     order by b.ref limit 1`,
    [repository, branch === undefined ? null : fullRef(branch)],
  );
  const [unfinished] = rows;
  if (unfinished === undefined) return;
  const { reasons } = await explain(context, { repository, branch: unfinished.ref });
  throw new MaterializerError(
    "REQUEST_UNFINISHED",
    `${shortName(unfinished.ref)} of ${JSON.stringify(repository)} has not become what was requested. ${reasons.join(" ")}`,
    {
      hint: "The request is kept: any worker that runs goes on with it. Or mend what is named and request again.",
    },
  );
}
