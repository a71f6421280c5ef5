import type { BranchRow } from "../../status/status-schema.ts";
import type { Address, Facet, Sort } from "./address.ts";

/** A branch, and what a search looks at. */
export interface Entry {
  readonly row: BranchRow;
  readonly text: string;
}

export function entryOf(row: BranchRow): Entry {
  const { served, wanted, error, builder } = row;
  const parts = [
    row.repository,
    row.branch,
    row.owner,
    served?.author,
    served?.commit,
    wanted.commit,
    row.state,
    error?.code,
    error?.message,
    error?.first?.path,
    error?.first?.message,
    builder?.worker,
  ];
  return { row, text: parts.filter(Boolean).join("\n").toLowerCase() };
}

const belongs: Readonly<Record<Facet, (row: BranchRow) => boolean>> = {
  all: ({ state }) => state !== "deleted",
  attention: (row) => needsAttention(row),
  behind: ({ state }) => state === "pending" || state === "building",
  current: ({ state, pinned }) => state === "ready" && pinned === null,
  live: (row) => row.class === "live" && row.state !== "deleted",
  drafts: (row) => row.class === "draft" && row.state !== "deleted",
  pinned: ({ pinned, state }) => pinned !== null && state !== "deleted",
  deleted: ({ state }) => state === "deleted",
};

/** Somebody has to do something: nothing here gets better by itself. */
export function needsAttention({ state, audit }: BranchRow): boolean {
  return state === "error" || state === "parked" || (state === "ready" && (audit?.differences ?? 0) > 0);
}

/** The branches that an address asks for, in its order. All words of a search have to occur. */
export function selectBranches(
  entries: Iterable<Entry>,
  { search, facet, repository, sort }: Pick<Address, "search" | "facet" | "repository" | "sort">,
): BranchRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found: BranchRow[] = [];
  for (const { row, text } of entries) {
    if (!belongs[facet](row)) continue;
    if (repository !== "" && row.repository !== repository) continue;
    if (words.every((word) => text.includes(word))) found.push(row);
  }
  return found.sort(orders[sort]);
}

export function countFacets(entries: Iterable<Entry>): Record<Facet, number> {
  const counts = { all: 0, attention: 0, behind: 0, current: 0, live: 0, drafts: 0, pinned: 0, deleted: 0 };
  for (const { row } of entries) {
    for (const facet of Object.keys(counts) as Facet[]) if (belongs[facet](row)) counts[facet] += 1;
  }
  return counts;
}

const orders: Readonly<Record<Sort, (a: BranchRow, b: BranchRow) => number>> = {
  attention: (a, b) => urgency(a) - urgency(b) || byChange(a, b),
  branch: (a, b) => compare(a.branch, b.branch) || compare(a.repository, b.repository),
  behind: (a, b) => compare(a.behindSince ?? "~", b.behindSince ?? "~") || byChange(a, b),
  changed: (a, b) => byChange(a, b),
};

function byChange(a: BranchRow, b: BranchRow): number {
  return compare(changedAt(b), changedAt(a)) || compare(a.branch, b.branch) || compare(a.id, b.id);
}

/** When something last happened to a branch: it was pushed, built or deleted. */
export function changedAt({ activity, wanted, deletedAt }: BranchRow): string {
  const { lastAt } = activity;
  return deletedAt ?? (lastAt !== null && lastAt > wanted.at ? lastAt : wanted.at);
}

function urgency(row: BranchRow): number {
  if (needsAttention(row)) return row.class === "live" ? 0 : 1;
  if (row.class === "live") return 2;
  return row.behindSince === null ? 4 : 3;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
