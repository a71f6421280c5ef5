import type { Queryable } from "../database/in-transaction.ts";
import { MaterializerError } from "../errors.ts";
import { options, text } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import { fullRef, type BranchClass } from "../repositories/classify-branch.ts";

/** Names a branch: `{ repository: "handbook", branch: "drafts/x" }`; a full ref works as well. */
export interface BranchName {
  readonly repository: string;
  readonly branch: string;
}

/** Everything that is known of a branch without asking git. Oids are hex. */
export interface Branch {
  readonly id: string;
  readonly repository: string;
  readonly ref: string;
  readonly class: BranchClass;
  readonly incarnation: number;
  /** Whoever pushed the draft first, as far as anybody said; else the author of its first tip. */
  readonly owner: string | null;
  readonly desiredOid: string | null;
  readonly desiredSeq: number;
  readonly desiredAt: Date;
  readonly dirty: boolean;
  readonly dueAt: Date;
  readonly attempts: number;
  readonly parkedAt: Date | null;
  readonly leaseOwner: string | null;
  readonly leaseUntil: Date | null;
  readonly servedVersion: string | null;
  readonly servedOid: string | null;
  readonly latestVersion: string | null;
  readonly latestOid: string | null;
  readonly pinnedAt: Date | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorOid: string | null;
  readonly deletedAt: Date | null;
  readonly auditedAt: Date | null;
}

const branchColumns = `
  b.id::text, r.name as repository, b.ref, b.class, b.incarnation, b.owner,
  encode(b.desired_oid, 'hex') as "desiredOid", b.desired_seq::float8 as "desiredSeq", b.desired_at as "desiredAt",
  b.dirty, b.due_at as "dueAt", b.attempts, b.parked_at as "parkedAt", b.lease_owner as "leaseOwner",
  case when b.lease_until >= clock_timestamp() then b.lease_until end as "leaseUntil",
  b.served_version::text as "servedVersion", encode(s.oid, 'hex') as "servedOid",
  b.latest_version::text as "latestVersion", encode(l.oid, 'hex') as "latestOid", b.pinned_at as "pinnedAt",
  b.error_code as "errorCode", b.error_message as "errorMessage", encode(b.error_oid, 'hex') as "errorOid",
  b.deleted_at as "deletedAt", b.audited_at as "auditedAt"`;

const branchTables = `
  headstart_materializer.branches b
  join headstart_materializer.repositories r on r.id = b.repository_id
  left join headstart_materializer.versions s on s.id = b.served_version
  left join headstart_materializer.versions l on l.id = b.latest_version`;

const branchName = options({ repository: text(), branch: text() });

/** @throws MaterializerError `BRANCH_UNKNOWN`, `OPTION_INVALID` */
export async function findBranch(db: Queryable, { repository, branch }: BranchName): Promise<Branch> {
  checkOptions("A call that names a branch", branchName, { repository, branch });
  const { rows } = await db.query<Branch>(
    `select ${branchColumns} from ${branchTables} where r.name = $1 and b.ref = $2`,
    [repository, fullRef(branch)],
  );
  return rows[0] ?? unknownBranch({ repository, branch });
}

export function unknownBranch({ repository, branch }: BranchName): never {
  throw new MaterializerError(
    "BRANCH_UNKNOWN",
    `${JSON.stringify(repository)} has no projected branch ${JSON.stringify(branch)}.`,
    {
      hint: "Check its name and the repository's live and drafts patterns; a new branch appears with the next observation.",
    },
  );
}
