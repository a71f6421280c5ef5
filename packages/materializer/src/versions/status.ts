import type { Branch } from "./find-branch.ts";

export type BranchStatus = "pending" | "building" | "ready" | "error" | "parked" | "deleted";

/** One word for a branch's state. A pinned branch has the status of its newest version. */
export function branchStatus(branch: Branch): BranchStatus {
  if (branch.deletedAt !== null) return "deleted";
  if (branch.parkedAt !== null) return "parked";
  if (branch.leaseUntil !== null) return "building";
  if (branch.dirty) return "pending";
  return branch.errorCode === null ? "ready" : "error";
}
