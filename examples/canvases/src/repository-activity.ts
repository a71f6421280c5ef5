import type { Database } from "./database.ts";

export interface Day {
  /** For example `2024-03-01`, a day of UTC. */
  readonly day: string;
  readonly events: number;
  readonly pushes: number;
  readonly runs: number;
  readonly failedRuns: number;
  readonly opened: number;
  readonly closed: number;
  readonly comments: number;
  readonly stars: number;
}

export interface ActivityOptions {
  /** How many days, counted back from the last one on which anything happened. @default 14 */
  readonly days?: number | undefined;
}

/** What happened in a repository day by day, oldest first; a quiet day is a row of zeros. */
export async function repositoryActivity(
  db: Database,
  repository: string,
  { days = 14 }: ActivityOptions = {},
): Promise<Day[]> {
  const { rows } = await db.query<Day>(
    `with here as (
       select repository.id, max(activity_day.day) as last_day
         from repository
         join activity_day on activity_day.repository_id = repository.id
        where repository.full_name = $1
        group by repository.id
     )
     select to_char(calendar.day, 'YYYY-MM-DD') as day,
            coalesce(events, 0) as events,
            coalesce(pushes, 0) as pushes,
            coalesce(runs, 0) as runs,
            coalesce(failed_runs, 0) as "failedRuns",
            coalesce(opened, 0) as opened,
            coalesce(closed, 0) as closed,
            coalesce(comments, 0) as comments,
            coalesce(stars, 0) as stars
       from here
      cross join generate_series(last_day - ($2::integer - 1), last_day, interval '1 day') as calendar (day)
       left join activity_day on activity_day.repository_id = here.id and activity_day.day = calendar.day
      order by calendar.day`,
    [repository, days],
  );
  return rows;
}
