import { MaterializerError, type Branch, type Materializer } from "@headstart/materializer";
import type pg from "pg";
import type { BranchDetail, ContentIssue } from "./status-schema.ts";

/** Issues, events and paths of one branch that are answered at most. */
const ISSUES = 500;
const EVENTS = 50;
const PATHS = 200;

/** @throws MaterializerError `REPOSITORY_UNKNOWN`, `BRANCH_UNKNOWN` */
export async function readBranchDetail(
  { db, materializer }: { db: pg.Pool; materializer: Materializer },
  name: { repository: string; branch: string },
): Promise<BranchDetail> {
  const branch = await materializer.branch(name);
  const { current, reasons } = await materializer.explain(name);
  const history = await materializer.history(name);
  return {
    id: branch.id,
    repository: branch.repository,
    branch: branch.ref.replace(/^refs\/heads\//, ""),
    current,
    reasons: [...reasons],
    blocking: await readIssues(db, "branch_issues", { column: "branch_id", id: branch.id }),
    warnings:
      branch.servedVersion === null
        ? { total: 0, shown: [] }
        : await readIssues(db, "version_issues", { column: "version_id", id: branch.servedVersion }),
    history: history.map((version) => ({
      version: version.id,
      commit: version.oid,
      served: version.id === branch.servedVersion,
      author: version.author,
      committedAt: version.committedAt.toISOString(),
      publishedAt: version.publishedAt.toISOString(),
      buildMs: version.buildMs,
      blobsParsed: version.blobsParsed,
      blobsReused: version.blobsReused,
    })),
    events: await readEvents(db, branch),
  };
}

/** The number of issues is counted up to ten times of what is shown. */
async function readIssues(
  db: pg.Pool,
  table: "branch_issues" | "version_issues",
  { column: owner, id }: { column: "branch_id" | "version_id"; id: string },
): Promise<BranchDetail["blocking"]> {
  const { rows } = await db.query<ContentIssue & { total: number }>(
    `with found as (
       select i.* from headstart_materializer.${table} i where i.${owner} = $1 limit ${ISSUES * 10}
     )
     select path, line, column_number as "column", code, left(message, 2000) as message, severity,
            (count(*) over ())::int as total
     from found order by severity, path, line nulls first, column_number nulls first limit ${ISSUES}`,
    [id],
  );
  const shown = rows.map(({ path, line, column, code, message, severity }) => {
    return { path, line, column, code, message, severity };
  });
  return { total: rows[0]?.total ?? 0, shown };
}

interface EventFacts {
  readonly position: number;
  readonly type: string;
  readonly at: Date;
  readonly commit: string | null;
  readonly previousCommit: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly changed: number | null;
  readonly paths: readonly string[] | null;
}

async function readEvents(db: pg.Pool, branch: Branch): Promise<BranchDetail["events"]> {
  const { rows } = await db.query<EventFacts>(
    `select e.position::float8 as position, e.type, e.recorded_at as at, e.message ->> 'oid' as commit,
            e.message ->> 'previousOid' as "previousCommit", e.message ->> 'code' as code,
            left(e.message ->> 'reason', 2000) as reason,
            jsonb_array_length(e.message -> 'changedPaths') as changed,
            (select array_agg(p.path order by p.n)
             from jsonb_array_elements_text(e.message -> 'changedPaths') with ordinality as p (path, n)
             where p.n <= ${PATHS}) as paths
     from headstart_materializer.events e where e.branch_id = $1 order by e.position desc limit ${EVENTS}`,
    [branch.id],
  );
  return rows.map(({ changed, paths, at, ...event }) => ({
    ...event,
    at: at.toISOString(),
    changed: changed === null ? null : { total: changed, shown: [...(paths ?? [])] },
  }));
}

export function isUnknown(error: unknown): error is MaterializerError {
  return (
    error instanceof MaterializerError &&
    (error.code === "BRANCH_UNKNOWN" ||
      error.code === "REPOSITORY_UNKNOWN" ||
      error.code === "VERSION_UNKNOWN")
  );
}
