import type { Database } from "./database.ts";

export interface Run {
  readonly id: number;
  readonly repository: string;
  readonly workflow: string;
  readonly number: number;
  readonly branch: string;
  readonly title: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly requestedAt: Date;
  /** From its start to its end, as far as it has come. */
  readonly seconds: number | null;
  readonly jobs: number;
  readonly failedJobs: number;
}

export interface RecentRunsOptions {
  /** Only of this one, `workspace/name`. */
  readonly repository?: string | undefined;
  readonly workspace?: string | undefined;
  readonly workflow?: string | undefined;
  /** @default 10 */
  readonly limit?: number | undefined;
}

/** The latest workflow runs, newest first, each in its current state. */
export async function recentRuns(
  db: Database,
  { repository, workspace, workflow, limit = 10 }: RecentRunsOptions = {},
): Promise<Run[]> {
  const { rows } = await db.query<Run>(
    `select run.id::float8 as id,
            repository.full_name as repository,
            run.workflow, run.number, run.branch, run.title, run.status, run.conclusion,
            run.requested_at as "requestedAt",
            extract(epoch from run.completed_at - run.started_at)::integer as seconds,
            run.jobs, run.failed_jobs as "failedJobs"
       from run
       join repository on repository.id = run.repository_id
       join workspace on workspace.id = repository.workspace_id
      where ($1::text is null or repository.full_name = $1)
        and ($2::text is null or workspace.slug = $2)
        and ($3::text is null or run.workflow = $3)
      order by run.requested_at desc, run.id desc
      limit $4`,
    [repository, workspace, workflow, limit],
  );
  return rows;
}
