import { countNoun } from "../count-noun.ts";
import type { BranchClass } from "../repositories/classify-branch.ts";

/** A branch row as the plan needs it; `deleted` rows are tombstones that a re-created branch takes up again. */
export interface KnownBranch {
  readonly ref: string;
  readonly oid: string | null;
  readonly class: BranchClass;
  readonly deleted: boolean;
}

export interface ObservedRefs {
  /** Branches whose commits are here. */
  readonly refs: ReadonlyMap<string, string>;
  /** Branches that are there as well, at commits that git did not give: they are as they were, and not deleted. */
  readonly refused: ReadonlySet<string>;
}

/** What an observation changes, in the order in which sequence numbers are given. */
export interface ObservationPlan {
  readonly appeared: readonly { ref: string; oid: string; class: BranchClass }[];
  readonly moved: readonly { ref: string; oid: string; class: BranchClass }[];
  readonly reclassified: readonly { ref: string; class: BranchClass }[];
  readonly deleted: readonly string[];
  /** Why the deletions above are held back; then `deleted` says what would go. */
  readonly guard: string | undefined;
  /** Refs that are neither live nor drafts. */
  readonly ignored: number;
}

/** With fewer live branch rows than this a mass deletion is ordinary work. */
const GUARDED_FROM = 4;

/** Compares what a repository has with what is known of it. Pure: the same arguments give the same plan. */
export function planObservation(
  known: readonly KnownBranch[],
  observed: ObservedRefs,
  classify: (ref: string) => BranchClass | undefined,
): ObservationPlan {
  const rows = new Map(known.map((branch) => [branch.ref, branch]));
  const appeared: ObservationPlan["appeared"][number][] = [];
  const moved: ObservationPlan["moved"][number][] = [];
  const reclassified: ObservationPlan["reclassified"][number][] = [];
  const wanted = new Set<string>();
  for (const [ref, oid] of observed.refs) {
    const kind = classify(ref);
    if (kind === undefined) continue;
    wanted.add(ref);
    const row = rows.get(ref);
    if (row === undefined || row.deleted) appeared.push({ ref, oid, class: kind });
    else if (row.oid !== oid) moved.push({ ref, oid, class: kind });
    else if (row.class !== kind) reclassified.push({ ref, class: kind });
  }
  const existing = known.filter((branch) => !branch.deleted);
  const gone = existing.filter(
    ({ ref }) => !wanted.has(ref) && (!observed.refused.has(ref) || classify(ref) === undefined),
  );
  const liveFirst = (a: { class: BranchClass }, b: { class: BranchClass }) =>
    Number(a.class !== "live") - Number(b.class !== "live");
  return {
    appeared: appeared.toSorted(liveFirst),
    moved: moved.toSorted(liveFirst),
    reclassified,
    deleted: gone.map((branch) => branch.ref),
    guard: massDeletion(existing.length, gone, observed.refs.size + observed.refused.size),
    ignored: observed.refs.size - wanted.size,
  };
}

/**
 * A forge that is being restored or has lost its disk lists few refs or none, and says so successfully. More than
 * half of the branches at once, or all of them with an empty listing, wait until somebody confirms.
 */
function massDeletion(existing: number, gone: readonly KnownBranch[], listed: number): string | undefined {
  if (gone.length === 0) return undefined;
  if (listed === 0)
    return `The repository lists no branch at all, where ${countNoun(existing, "branch", "branches")} ${existing === 1 ? "was" : "were"} known.`;
  if (existing >= GUARDED_FROM && gone.length * 2 > existing) {
    return `${gone.length} of ${existing} branches are missing from the repository's listing.`;
  }
  return undefined;
}
