import type { Context } from "../context.ts";
import { repositoryColumns, type Repository } from "../repositories/repository.ts";

export interface Observing {
  readonly repository: Repository;
  readonly token: string;
  /** The repository's count of hints when the listing began: a later one makes it due again at once. */
  readonly hints: string;
  /** Who was said to have moved which branch before the listing began: the listing shows what came of it. */
  readonly told: readonly Told[];
}

interface Told {
  readonly ref: string;
  /** As the database writes it, to the microsecond: a hint that was renewed since is another. */
  readonly at: string;
}

/**
 * Makes this process the repository's observer; undefined while another one's lease holds. The repository is read by
 * the same statement as its hints: a registration counts as one, so what was registered since makes it due again.
 */
export async function startObservation(context: Context, name: string): Promise<Observing | undefined> {
  const { rows } = await context.db.query<Repository & { token: string; hints: string }>(
    `update headstart_materializer.repositories r
     set observe_token = nextval('headstart_materializer.tokens'),
         observe_until = clock_timestamp() + $2 * interval '1 ms'
     where name = $1 and (observe_until is null or observe_until < clock_timestamp())
     returning ${repositoryColumns}, observe_token::text as token, hints::text`,
    [name, context.settings.leaseMs],
  );
  if (rows[0] === undefined) return undefined;
  const { token, hints, ...repository } = rows[0];
  const { rows: told } = await context.db.query<Told>(
    "select ref, received_at::text as at from headstart_materializer.hints where repository_id = $1",
    [repository.id],
  );
  return { repository, token, hints, told };
}

/**
 * Renews the observer's lease for as long as the listing takes, and gives it back at the end. The signal aborts
 * when the caller's does, or when the lease could not be kept.
 */
export function keepObserving(
  context: Context,
  { repository, token }: Observing,
  outer: AbortSignal | undefined,
): AsyncDisposable & { readonly signal: AbortSignal } {
  const lost = new AbortController();
  const mine = [repository.id, token];
  const renew = async (): Promise<void> => {
    const { rowCount } = await context.db.query(
      `update headstart_materializer.repositories set observe_until = clock_timestamp() + $3 * interval '1 ms'
       where id = $1 and observe_token = $2`,
      [...mine, context.settings.leaseMs],
    );
    if (rowCount === 0) lost.abort();
  };
  const timer = setInterval(() => void renew().catch(() => undefined), context.settings.leaseMs / 3);
  return {
    signal: outer === undefined ? lost.signal : AbortSignal.any([outer, lost.signal]),
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      // The token goes too: a renewal that is still under way must not make the repository busy again. When the server
      // is away the lease runs out by itself.
      await context.db
        .query(
          `update headstart_materializer.repositories set observe_token = null, observe_until = null
           where id = $1 and observe_token = $2`,
          mine,
        )
        .catch(() => undefined);
    },
  };
}
