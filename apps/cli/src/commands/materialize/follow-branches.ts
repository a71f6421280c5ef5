import { setTimeout as pause } from "node:timers/promises";
import type { OpenMaterialize } from "./open-materialize.ts";

/** How the branches that are waited for stand. */
export interface Standing {
  /** Whether git was looked at since, and listed in full. */
  readonly looked: boolean;
  /** Why it could not be looked at since. */
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
  readonly pausedAt: Date | null;
  readonly branches: number;
  /** Those that no outcome is known of yet. */
  readonly waiting: number;
}

export interface Followed {
  readonly repository: string;
  /** Without it every branch of the repository. */
  readonly ref: string | undefined;
}

interface Row {
  observedAt: string | null;
  errorAt: string | null;
  /** Whether the next look is planned: then the last one began after the last hint. */
  planned: boolean;
  errorCode: string | null;
  errorMessage: string | null;
  pausedAt: Date | null;
  branches: number;
  waiting: number;
}

/** The database's time, for what happens from now on. */
export async function timeOf({ db }: OpenMaterialize): Promise<string> {
  const { rows } = await db.query<{ now: string }>("select clock_timestamp()::text as now");
  return rows[0]?.now ?? "";
}

/** Watches a repository from a time on. */
export function standings(
  { db }: OpenMaterialize,
  { repository, ref }: Followed,
  since: string,
): () => Promise<Standing> {
  // The first look that ends after the hint may have begun before it. The second has not: one goes at a time.
  let first: string | null = null;
  let firstError: string | null = null;
  return async () => {
    const { rows } = await db.query<Row>(
      `select case when r.observed_at > $3 then r.observed_at::text end as "observedAt",
              case when r.error_at > $3 then r.error_at::text end as "errorAt", r.observe_at > now() as planned,
              r.error_code as "errorCode", r.error_message as "errorMessage", r.paused_at as "pausedAt",
              count(b.id)::int as branches,
              count(b.id) filter (where b.dirty and b.parked_at is null)::int as waiting
       from headstart_materializer.repositories r
       left join headstart_materializer.branches b
         on b.repository_id = r.id and b.deleted_at is null and ($2::text is null or b.ref = $2)
       where r.name = $1 group by r.id`,
      [repository, ref ?? null, since],
    );
    const row = rows[0];
    if (row === undefined)
      return { looked: false, refusal: undefined, pausedAt: null, branches: 0, waiting: 0 };
    first ??= row.observedAt;
    firstError ??= row.errorAt;
    const { planned, pausedAt, branches, waiting } = row;
    const looked = row.observedAt !== null && (planned || row.observedAt !== first);
    const refused = row.errorAt !== null && (planned || row.errorAt !== firstError);
    return {
      looked: looked && row.errorCode === null,
      refusal: refused ? { code: row.errorCode ?? "", message: row.errorMessage ?? "" } : undefined,
      pausedAt,
      branches,
      waiting,
    };
  };
}

/** Milliseconds between two looks at the database. */
const betweenMs = 200;

export async function breathe(signal: AbortSignal): Promise<void> {
  await pause(betweenMs, undefined, { signal });
}
