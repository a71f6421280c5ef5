import { z } from "zod";
import { MaterializerError } from "../errors.ts";

const text = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^\0]*$/u, "must not contain NUL");
const oid = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "expected 40 or 64 lowercase hex digits");

/** Says that a branch may have moved. A hint: git is asked before anything is believed. */
export const repositoryBranchUpdated = z.object({
  type: z.literal("repository-branch-updated"),
  repository: text,
  /** Short or full name; without it every branch of the repository is looked at. */
  branch: text.optional(),
  /** Where the sender saw the branch. Never used as the commit to project. */
  oid: oid.optional(),
  pushedBy: text.optional(),
});
export type RepositoryBranchUpdated = z.infer<typeof repositoryBranchUpdated>;

const branchEvents = [
  "branch-materialized",
  "branch-failed",
  "branch-parked",
  "branch-deleted",
  "branch-pinned",
  "branch-unpinned",
  "branch-diverged",
] as const;

/**
 * What happened to a branch's projection. `position` counts up from 1, without a gap, per branch; it begins again when a
 * branch was deleted so long ago that nothing of it is kept.
 */
export const versionUpdated = z.object({
  type: z.literal("version-updated"),
  event: z.enum(branchEvents),
  repository: text,
  branch: text,
  class: z.enum(["live", "draft"]),
  incarnation: z.int().positive(),
  position: z.int().positive(),
  at: z.iso.datetime(),
  /** The version that readers see from now on; absent when they see what they saw, or the branch is gone. */
  version: z.string().optional(),
  /** The commit the event is about. */
  oid: oid.optional(),
  /** The commit that was served before, when another version is now. */
  previousOid: oid.optional(),
  seq: z.int().nonnegative().optional(),
  /** Changed paths against what was served before, at most 1,000; absent when there was nothing to compare with. */
  changedPaths: z.array(z.string()).max(1000).optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
});
export type VersionUpdated = z.infer<typeof versionUpdated>;

/** @throws MaterializerError `MESSAGE_INVALID` naming each key and what was expected. */
export function parseRepositoryBranchUpdated(message: unknown): RepositoryBranchUpdated {
  const result = repositoryBranchUpdated.safeParse(message);
  if (result.success) return result.data;
  throw new MaterializerError(
    "MESSAGE_INVALID",
    `The message is no repository-branch-updated message.\n${z.prettifyError(result.error)}`,
    { hint: 'Send { type: "repository-branch-updated", repository, branch?, oid?, pushedBy? }.' },
  );
}
