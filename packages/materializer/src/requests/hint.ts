import type { Queryable } from "../database/in-transaction.ts";
import { options, text } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import { fullRef } from "../repositories/classify-branch.ts";
import { unknownRepository } from "../repositories/repository.ts";
import type { RepositoryBranchUpdated } from "./messages.ts";

/** Wakes whoever waits for observations; the payload is constant, so that a burst collapses into one. */
export const HINT_CHANNEL = "headstart_materializer_hints";

/** What may have moved: a branch, or some branch of a repository. */
export type Hint = Omit<RepositoryBranchUpdated, "type" | "oid">;

const hintOptions = options({
  repository: text(),
  branch: text().optional(),
  pushedBy: text().optional(),
});

/**
 * Makes repositories due for observation now. Any number of hints before the next observation cost one, and a
 * hint that arrives while one is under way costs one more.
 *
 * One statement for all of them, so that the rows of repositories are locked as shortly as can be, and in one order.
 *
 * @throws MaterializerError `REPOSITORY_UNKNOWN`, `OPTION_INVALID`
 */
export async function hint(db: Queryable, ...hints: readonly Hint[]): Promise<void> {
  for (const { repository, branch, pushedBy } of hints)
    checkOptions("hint", hintOptions, { repository, branch, pushedBy });
  const { rows } = await db.query<{ name: string }>(
    `with given as (
       select name, ref, pushed_by
       from unnest($1::text[], $2::text[], $3::text[]) as given (name, ref, pushed_by)
     ), locked as (
       select r.id from headstart_materializer.repositories r
       where r.name in (select name from given) order by r.id for no key update
     ), due as (
       update headstart_materializer.repositories r set hints = r.hints + 1, observe_at = now()
       from locked l where r.id = l.id returning r.id, r.name
     ), remembered as (
       insert into headstart_materializer.hints (repository_id, ref, pushed_by)
       select distinct on (d.id, g.ref) d.id, g.ref, g.pushed_by from given g join due d on d.name = g.name
       where g.ref is not null and g.pushed_by is not null order by d.id, g.ref
       on conflict (repository_id, ref) do update set pushed_by = excluded.pushed_by, received_at = now()
     )
     select name from due`,
    [
      hints.map(({ repository }) => repository),
      hints.map(({ branch }) => (branch === undefined ? null : fullRef(branch))),
      hints.map(({ pushedBy }) => pushedBy ?? null),
    ],
  );
  const known = new Set(rows.map(({ name }) => name));
  const unknown = hints.find(({ repository }) => !known.has(repository));
  if (unknown !== undefined) unknownRepository(unknown.repository);
  await db.query("select pg_notify($1, '')", [HINT_CHANNEL]);
}
