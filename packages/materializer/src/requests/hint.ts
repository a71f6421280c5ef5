import type { Queryable } from "../database/in-transaction.ts";
import { fullRef } from "../repositories/classify-branch.ts";
import { unknownRepository } from "../repositories/repository.ts";
import type { RepositoryBranchUpdated } from "./messages.ts";

/** Wakes whoever waits for observations; the payload is constant, so that a burst collapses into one. */
export const HINT_CHANNEL = "headstart_materializer_hints";

/**
 * Makes a repository due for observation now. Any number of hints before the next observation cost one, and a
 * hint that arrives while one is under way costs one more.
 *
 * @throws MaterializerError `REPOSITORY_UNKNOWN`
 */
export async function hint(
  db: Queryable,
  { repository, branch, pushedBy }: Omit<RepositoryBranchUpdated, "type">,
): Promise<void> {
  const { rowCount } = await db.query(
    `with repository as (
       update headstart_materializer.repositories set hints = hints + 1, observe_at = now()
       where name = $1 returning id
     ), remembered as (
       insert into headstart_materializer.hints (repository_id, ref, pushed_by)
       select id, $2, $3 from repository where $2::text is not null and $3::text is not null
       on conflict (repository_id, ref) do update set pushed_by = excluded.pushed_by, received_at = now()
     )
     select from repository`,
    [repository, branch === undefined ? null : fullRef(branch), pushedBy ?? null],
  );
  if (rowCount === 0) unknownRepository(repository);
  await db.query("select pg_notify($1, '')", [HINT_CHANNEL]);
}
