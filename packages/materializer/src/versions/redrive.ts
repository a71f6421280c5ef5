import type { Context } from "../context.ts";
import type { Queryable } from "../database/in-transaction.ts";
import { options, text } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import { fullRef } from "../repositories/classify-branch.ts";
import { CONFIRMED, findRepository } from "../repositories/repository.ts";
import { findBranch, type BranchName } from "./find-branch.ts";

const redriven = options({ repository: text(), branch: text().optional() });

/**
 * Gives parked and failed branches another go, with fresh attempts: one branch, or all of a repository.
 *
 * @returns how many branches are due again.
 * @throws MaterializerError `REPOSITORY_UNKNOWN`, `OPTION_INVALID`
 */
export async function redrive(
  context: Context,
  { repository, branch }: { repository: string; branch?: string },
): Promise<number> {
  checkOptions("redrive", redriven, { repository, branch });
  const { id } = await findRepository(context.db, repository);
  const { rowCount } = await context.db.query(
    // The repository's row is locked first, as by everybody who locks several branches, and each in an order of its own.
    `with repository as (
       select id from headstart_materializer.repositories where id = $1 for no key update
     )
     update headstart_materializer.branches b
     set dirty = true, due_at = now(), attempts = 0, parked_at = null
     from repository r where b.repository_id = r.id
       and b.deleted_at is null and (b.parked_at is not null or b.error_code is not null)
       and ($2::text is null or b.ref = $2)`,
    [id, branch === undefined ? null : fullRef(branch)],
  );
  return rowCount ?? 0;
}

/**
 * Wants a branch's newest commit built once more from nothing but git: every file is read and parsed again, and no
 * row of an older version is shared.
 */
export async function rebuild(db: Queryable, name: BranchName): Promise<void> {
  const branch = await findBranch(db, name);
  await db.query(
    `with repository as (
       update headstart_materializer.repositories set last_seq = last_seq + 1 where name = $2 returning last_seq
     )
     update headstart_materializer.branches b
     set desired_seq = p.last_seq, desired_at = now(), from_scratch = true, dirty = true, due_at = now(),
         attempts = 0, parked_at = null
     from repository p where b.id = $1 and b.deleted_at is null`,
    [branch.id, name.repository],
  );
}

/** Lets deletions through that the guard against mass deletion held back, at the next observation. */
export async function confirmDeletions(context: Context, repository: string): Promise<void> {
  const { id } = await findRepository(context.db, repository);
  await context.db.query(
    `update headstart_materializer.repositories
     set guard = $2, hints = hints + 1, observe_at = now() where id = $1 and guard is not null`,
    [id, CONFIRMED],
  );
}

/** Stops building and observing a repository; what is served stays served. */
export async function pause(context: Context, repository: string): Promise<void> {
  const { id } = await findRepository(context.db, repository);
  await context.db.query(
    "update headstart_materializer.repositories set paused_at = coalesce(paused_at, now()) where id = $1",
    [id],
  );
}

export async function resume(context: Context, repository: string): Promise<void> {
  const { id } = await findRepository(context.db, repository);
  await context.db.query(
    `update headstart_materializer.repositories
     set paused_at = null, hints = hints + 1, observe_at = now() where id = $1 and paused_at is not null`,
    [id],
  );
}
