import picomatch from "picomatch";
import type { Repository } from "./repository.ts";

export type BranchClass = "live" | "draft";

/**
 * Says what a branch is to a repository: live, a draft, or nothing of ours (which is no error). Matching is by
 * short name and by case; live wins over drafts.
 */
export function branchClassifier(
  repository: Pick<Repository, "live" | "drafts">,
  defaultRef: string | null,
): (ref: string) => BranchClass | undefined {
  const isLive =
    repository.live.length === 0 ? (ref: string) => ref === defaultRef : matcher(repository.live);
  const isDraft = matcher(repository.drafts);
  return (ref) => (isLive(ref) ? "live" : isDraft(ref) ? "draft" : undefined);
}

function matcher(patterns: readonly string[]): (ref: string) => boolean {
  if (patterns.length === 0) return () => false;
  const matches = picomatch([...patterns], { dot: true, nonegate: true });
  return (ref) => matches(shortName(ref));
}

/** `refs/heads/drafts/x` → `drafts/x`. */
export function shortName(ref: string): string {
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : ref;
}

/** `drafts/x` → `refs/heads/drafts/x`; a full ref stays. */
export function fullRef(branch: string): string {
  return branch.startsWith("refs/heads/") ? branch : `refs/heads/${branch}`;
}
