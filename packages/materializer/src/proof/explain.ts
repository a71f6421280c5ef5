import type { Context } from "../context.ts";
import { countNoun } from "../count-noun.ts";
import { shortName } from "../repositories/classify-branch.ts";
import { CONFIRMED, findRepository, type Repository } from "../repositories/repository.ts";
import { findBranch, type Branch, type BranchName } from "../versions/find-branch.ts";
import { branchStatus, type BranchStatus } from "../versions/status.ts";

export interface Explanation {
  readonly status: BranchStatus;
  /** Whether readers see what was last observed to be the branch's tip. */
  readonly current: boolean;
  /** Why, and what to do, in sentences. */
  readonly reasons: readonly string[];
}

interface Observed {
  observedAt: Date | null;
  errorCode: string | null;
  errorMessage: string | null;
  observeAt: Date;
  unreadable: string[];
  refused: string[];
}

/**
 * Says why a branch is or is not current. Asks the database only, so it answers while git is down.
 *
 * @throws MaterializerError `REPOSITORY_UNKNOWN`, `BRANCH_UNKNOWN`
 */
export async function explain(context: Context, name: BranchName): Promise<Explanation> {
  const repository = await findRepository(context.db, name.repository);
  const branch = await findBranch(context.db, name);
  const { rows } = await context.db.query<Observed>(
    `select observed_at as "observedAt", error_code as "errorCode", error_message as "errorMessage",
            greatest(observe_at, not_before) as "observeAt", unreadable_refs as unreadable,
            refused_refs as refused
     from headstart_materializer.repositories where id = $1`,
    [repository.id],
  );
  const status = branchStatus(branch);
  const refused = rows[0]?.refused.includes(branch.ref) ?? false;
  const current =
    status === "ready" && !refused && branch.pinnedAt === null && branch.servedOid === branch.desiredOid;
  return {
    status,
    current,
    reasons: [
      ...(refused
        ? ["It has moved to a commit that git does not give: its objects are damaged, refused or too large."]
        : []),
      ...branchReasons(branch, status),
      ...repositoryReasons(repository),
      ...observationReasons(rows[0]),
    ],
  };
}

function branchReasons(branch: Branch, status: BranchStatus): string[] {
  const wanted = short(branch.desiredOid);
  const serving =
    branch.servedOid === null ? "Nothing is served yet." : `${short(branch.servedOid)} is served meanwhile.`;
  const failure = sentence(branch.errorMessage);
  const reasons: Record<BranchStatus, string> = {
    ready:
      branch.pinnedAt === null
        ? `${wanted} is served: it is what was last observed.`
        : `${wanted}, which was last observed, is built and not served.`,
    pending: `${wanted} waits to be built since ${branch.desiredAt.toISOString()}. ${serving}`,
    building: `${wanted} is being built by ${branch.leaseOwner ?? "a worker"}. ${serving}`,
    error: `${short(branch.errorOid)} cannot be published: ${failure} ${serving} It is built again when the branch or the projector changes.`,
    parked: `${short(branch.errorOid)} was given up after ${countNoun(branch.attempts, "attempt")}: ${failure} ${serving} Try again with redrive, or push a commit.`,
    deleted: `${shortName(branch.ref)} is gone from the repository since ${branch.deletedAt?.toISOString() ?? ""}.`,
  };
  const list = [reasons[status]];
  if (status === "pending" && branch.errorCode !== null) {
    list.push(
      `The last attempt failed with ${branch.errorCode}: ${failure} The next is due at ${branch.dueAt.toISOString()}.`,
    );
  }
  if (branch.pinnedAt !== null) {
    list.push(
      `It was rolled back to ${short(branch.servedOid)} and is pinned there. Serve ${short(branch.latestOid)}, the newest that is built, with unpin.`,
    );
  }
  return list;
}

function repositoryReasons(repository: Repository): string[] {
  const reasons: string[] = [];
  if (repository.pausedAt !== null) {
    reasons.push(`The repository is paused since ${repository.pausedAt.toISOString()}. Go on with resume.`);
  }
  if (repository.guard === CONFIRMED) {
    reasons.push(
      "Deletions were held back, and somebody confirmed them: the next observation carries them out.",
    );
  } else if (repository.guard !== null) {
    reasons.push(
      `Deletions are held back: ${sentence(repository.guard)} If that is right, let them through with confirmDeletions.`,
    );
  }
  return reasons;
}

function observationReasons(observed: Observed | undefined): string[] {
  if (observed === undefined) return [];
  const { errorCode, errorMessage, observeAt, observedAt } = observed;
  if (errorCode !== null) {
    return [
      `The repository could not be looked at (${errorCode}): ${sentence(errorMessage)} The next attempt is due at ${observeAt.toISOString()}.`,
    ];
  }
  if (observedAt === null) return ["The repository was never observed."];
  return [`The repository was last observed at ${observedAt.toISOString()}.`, ...unreadable(observed)];
}

function unreadable({ unreadable: names }: Observed): string[] {
  if (names.length === 0) return [];
  const some = names.slice(0, 5).map((name) => JSON.stringify(shortName(name)));
  const rest = names.length > some.length ? ` and ${names.length - some.length} more` : "";
  return [
    names.length === 1
      ? `Not projected, since its name is too long or no UTF-8: ${some.join()}. Rename this branch in the repository.`
      : `Not projected, since their names are too long or no UTF-8: ${some.join(", ")}${rest}. Rename these branches in the repository.`,
  ];
}

/** With its full stop: what git or a program says has none as often as not. */
function sentence(text: string | null): string {
  const said = text?.trim() ?? "";
  return said === "" || /[.!?…]$/.test(said) ? said : `${said}.`;
}

function short(oid: string | null): string {
  return oid === null ? "No commit" : oid.slice(0, 12);
}
