import { databaseProbe } from "../database/database-probe.ts";
import { shareQuery } from "../database/share-query.ts";
import type { WorkerContext } from "../worker-context.ts";
import { createSurveyGauges, type Surveyed } from "./survey-gauges.ts";

/** Scrapes that come sooner after each other than this share one look, in milliseconds. */
const FRESH_MS = 5_000;
/** A look that succeeds takes at most one part in this many of the time: counting a million branches takes a while. */
const SPARSE = 20;
const LOOP = "survey";

/**
 * Looks at the whole installation for the gauges that are the same from every worker. When the database does not
 * answer in time they are absent, however long ago the last look was: between two looks it is asked whether it answers.
 */
export function createSurvey({
  db,
  metrics,
  loops,
}: Pick<WorkerContext, "db" | "metrics" | "loops">): () => Promise<void> {
  const gauges = createSurveyGauges(metrics.registry);
  let freshUntil = -Infinity;
  const ask = async (): Promise<true> => {
    const startedAt = performance.now();
    try {
      const { rows } = await db.query<Surveyed>(survey);
      if (rows[0] !== undefined) gauges.show(rows[0]);
      loops.turned(LOOP);
      freshUntil = performance.now() + Math.max(FRESH_MS, SPARSE * (performance.now() - startedAt));
    } catch (error) {
      gauges.hide();
      loops.failed(LOOP, error);
      // However long it failed: that says nothing about what a look costs once the database is back.
      freshUntil = performance.now() + FRESH_MS;
    }
    return true;
  };
  // It looks only when somebody asks.
  loops.started(LOOP, Infinity);
  const look = shareQuery(ask);
  const answers = databaseProbe(db);
  return async () => {
    const fresh = performance.now() < freshUntil;
    if (fresh ? await answers() : (await look()) !== undefined) return;
    gauges.hide();
    // What was hidden is looked for again by whoever asks next.
    if (fresh) freshUntil = -Infinity;
  };
}

const survey = `
  with states as (
    select case when b.parked_at is not null then 'parked'
                when b.lease_until >= now() then 'building'
                when b.dirty then 'pending'
                when b.error_code is not null then 'error'
                else 'ready' end as state, b.class, count(*)::int as branches
    from headstart_materializer.branches b where b.deleted_at is null group by 1, 2
  ), queue as (
    select count(*) filter (where due)::int as queued,
           extract(epoch from now() - min(due_at) filter (where due))::float8 as waiting,
           extract(epoch from now() - min(desired_at))::float8 as lag
    from (
      select b.due_at, b.desired_at, b.due_at <= now() and (b.lease_until is null or b.lease_until < now()) as due
      from headstart_materializer.branches b
      join headstart_materializer.repositories r on r.id = b.repository_id and r.paused_at is null
      where b.dirty and b.parked_at is null and b.deleted_at is null
    ) wanted
  ), seen as (
    select count(*)::int as repositories, count(*) filter (where observe_failures > 0)::int as failing,
           count(*) filter (where paused_at is not null)::int as paused,
           count(*) filter (where nullif(guard, 'confirmed') is not null)::int as guarded,
           extract(epoch from now() - min(coalesce(observed_at, created_at)) filter (where paused_at is null))::float8
             as unobserved
    from headstart_materializer.repositories
  )
  select coalesce((select jsonb_agg(s) from states s), '[]') as states,
         (select to_jsonb(q) from queue q) as queue, (select to_jsonb(s) from seen s) as repositories`;
