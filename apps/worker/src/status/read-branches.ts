import type pg from "pg";
import { changedSince } from "./changed-since.ts";
import type { BranchRow, BranchState, ContentIssue } from "./status-schema.ts";

/** What the database says of a branch beside its events. */
export interface BranchFacts {
  readonly id: string;
  readonly repository: string;
  readonly ref: string;
  readonly class: "live" | "draft";
  readonly owner: string | null;
  readonly desiredOid: string | null;
  readonly desiredAt: Date;
  readonly dirty: boolean;
  readonly dueAt: Date;
  readonly attempts: number;
  readonly parkedAt: Date | null;
  readonly leaseOwner: string | null;
  readonly leaseUntil: Date | null;
  readonly servedVersion: string | null;
  readonly servedOid: string | null;
  readonly publishedAt: Date | null;
  readonly committedAt: Date | null;
  readonly author: string | null;
  readonly buildMs: number | null;
  readonly latestOid: string | null;
  readonly pinnedAt: Date | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorOid: string | null;
  readonly errorAt: Date | null;
  readonly issues: number;
  readonly firstIssue: ContentIssue | null;
  readonly warnings: number;
  readonly auditedAt: Date | null;
  readonly differences: number | null;
  readonly deletedAt: Date | null;
  /** Place of its last event, from 1; 0 before the first. */
  readonly eventPosition: number;
}

export interface BranchLook {
  readonly branches: readonly BranchFacts[];
  /** Where the next look goes on from. */
  readonly snapshot: string;
  /** Branches there are, with those beyond the limit. */
  readonly found: number;
}

/** Branches that the page shows at most; what needs attention comes first, then live branches, then the newest. */
const BRANCHES_SHOWN = 20_000;

/** Hours that a deleted branch stays on the page. */
const DELETED_HOURS = 24;

/** Longest error message in a row of the list; a branch's own page has all of it. */
const MESSAGE_LENGTH = 500;

/**
 * Branches that were written since an earlier look, or all of them.
 *
 * @param since what that look returned as `snapshot`.
 */
export async function readBranches(
  db: pg.Pool,
  { since, limit = BRANCHES_SHOWN }: { since?: string | undefined; limit?: number } = {},
): Promise<BranchLook> {
  const { rows } = await db.query<{ snapshot: string; found: number | null; branch: BranchFacts | null }>(
    `with changed as (
       select b.*, count(*) over () as found
       from headstart_materializer.branches b
       where ${changedSince("b", "$1")}
         and (b.deleted_at is null or b.deleted_at > now() - interval '${DELETED_HOURS} hours' or $1 is not null)
       order by (b.error_code is null and b.parked_at is null), b.class <> 'live', b.desired_at desc
       limit $2
     )
     select pg_current_snapshot()::text as snapshot, c.found::int, ${branchJson} as branch
     from (select) as one
     left join (
       changed c
       join headstart_materializer.repositories r on r.id = c.repository_id
       left join headstart_materializer.versions s on s.id = c.served_version
       left join headstart_materializer.versions l on l.id = c.latest_version
     ) on true`,
    [since ?? null, limit],
  );
  return {
    snapshot: rows[0]?.snapshot ?? "",
    found: rows[0]?.found ?? 0,
    branches: rows.flatMap(({ branch }) => (branch === null ? [] : [withDates(branch)])),
  };
}

const issueJson = `json_build_object('path', i.path, 'line', i.line, 'column', i.column_number, 'code', i.code,
  'message', left(i.message, ${MESSAGE_LENGTH}), 'severity', i.severity)`;

const branchJson = `case when c.id is not null then json_build_object(
  'id', c.id::text, 'repository', r.name, 'ref', c.ref, 'class', c.class, 'owner', c.owner,
  'desiredOid', encode(c.desired_oid, 'hex'), 'desiredAt', c.desired_at, 'dirty', c.dirty, 'dueAt', c.due_at,
  'attempts', c.attempts, 'parkedAt', c.parked_at, 'leaseOwner', c.lease_owner, 'leaseUntil', c.lease_until,
  'servedVersion', s.id::text, 'servedOid', encode(s.oid, 'hex'), 'publishedAt', s.published_at,
  'committedAt', s.committed_at, 'author', s.author, 'buildMs', s.build_ms,
  'latestOid', encode(l.oid, 'hex'), 'pinnedAt', c.pinned_at, 'errorCode', c.error_code,
  'errorMessage', left(c.error_message, ${MESSAGE_LENGTH}), 'errorOid', encode(c.error_oid, 'hex'),
  'errorAt', c.error_at, 'auditedAt', c.audited_at, 'differences', c.audit_differences, 'deletedAt', c.deleted_at,
  'eventPosition', c.event_position,
  'issues', (select count(*) from (
    select from headstart_materializer.branch_issues i where i.branch_id = c.id and i.severity = 'error' limit 1000) n),
  'firstIssue', (select ${issueJson} from headstart_materializer.branch_issues i
    where i.branch_id = c.id order by i.severity, i.ordinal limit 1),
  'warnings', (select count(*) from (
    select from headstart_materializer.version_issues i where i.version_id = c.served_version limit 100) n)
) end`;

const dates = [
  "desiredAt",
  "dueAt",
  "parkedAt",
  "leaseUntil",
  "publishedAt",
  "committedAt",
  "pinnedAt",
  "errorAt",
  "auditedAt",
  "deletedAt",
] as const satisfies readonly (keyof BranchFacts)[];

/** JSON has no times. */
function withDates(branch: BranchFacts): BranchFacts {
  const made = dates.map((name) => [name, branch[name] === null ? null : new Date(branch[name])]);
  return { ...branch, ...(Object.fromEntries(made) as Pick<BranchFacts, (typeof dates)[number]>) };
}

/** One word for a branch, by the same rules as the materializer's own. */
function stateOf(branch: BranchFacts, now: Date): BranchState {
  if (branch.deletedAt !== null) return "deleted";
  if (branch.parkedAt !== null) return "parked";
  if (branch.leaseUntil !== null && branch.leaseUntil > now) return "building";
  if (branch.dirty) return "pending";
  return branch.errorCode === null ? "ready" : "error";
}

export function branchRowOf(
  branch: BranchFacts,
  { activity, now }: { activity: BranchRow["activity"]; now: Date },
): BranchRow {
  const state = stateOf(branch, now);
  const current = !branch.dirty && branch.servedOid === branch.desiredOid;
  const behind = state !== "deleted" && branch.pinnedAt === null && !current;
  return {
    id: branch.id,
    repository: branch.repository,
    branch: branch.ref.replace(/^refs\/heads\//, ""),
    class: branch.class,
    state,
    owner: branch.owner,
    wanted: { commit: branch.desiredOid, at: branch.desiredAt.toISOString() },
    served: servedOf(branch),
    behindSince: behind ? branch.desiredAt.toISOString() : null,
    pinned: branch.pinnedAt === null ? null : { at: branch.pinnedAt.toISOString(), latest: branch.latestOid },
    retryAt: state === "pending" && branch.dueAt > now ? branch.dueAt.toISOString() : null,
    attempts: branch.attempts,
    builder:
      state === "building" && branch.leaseUntil !== null
        ? { worker: branch.leaseOwner ?? "", until: branch.leaseUntil.toISOString() }
        : null,
    error: errorOf(branch),
    warnings: branch.warnings,
    audit:
      branch.auditedAt === null || branch.differences === null
        ? null
        : { at: branch.auditedAt.toISOString(), differences: branch.differences },
    deletedAt: branch.deletedAt?.toISOString() ?? null,
    activity,
  };
}

function servedOf(branch: BranchFacts): BranchRow["served"] {
  const { servedOid, servedVersion, publishedAt, committedAt, author, buildMs } = branch;
  if (servedOid === null || servedVersion === null) return null;
  return {
    commit: servedOid,
    version: servedVersion,
    publishedAt: publishedAt?.toISOString() ?? "",
    committedAt: committedAt?.toISOString() ?? "",
    author: author ?? "",
    buildMs: buildMs ?? 0,
  };
}

function errorOf(branch: BranchFacts): BranchRow["error"] {
  if (branch.errorCode === null) return null;
  return {
    code: branch.errorCode,
    message: branch.errorMessage ?? "",
    commit: branch.errorOid,
    at: branch.errorAt?.toISOString() ?? null,
    issues: branch.issues,
    first: branch.firstIssue,
  };
}
