import type { BranchRow, BranchState } from "../../status/status-schema.ts";

/** What the page calls a branch's state. */
export const stateWords: Readonly<Record<BranchState, string>> = {
  ready: "In sync",
  pending: "Waiting",
  building: "Building",
  error: "Failing",
  parked: "Given up",
  deleted: "Deleted",
};

/** What the page calls an event, and the sign beside it. */
export const eventWords: Readonly<Record<string, readonly [sign: string, words: string]>> = {
  "branch-materialized": ["ready", "published"],
  "branch-failed": ["error", "failed"],
  "branch-parked": ["parked", "given up"],
  "branch-deleted": ["deleted", "deleted"],
  "branch-pinned": ["pinned", "rolled back"],
  "branch-unpinned": ["ready", "unpinned"],
  "branch-diverged": ["error", "differed from git"],
};

/** `pages/a.md:3:12`, as far as it is known. */
export function placeOf({
  path,
  line,
  column,
}: {
  path: string;
  line: number | null;
  column: number | null;
}): string {
  if (line === null) return path;
  return column === null ? `${path}:${line}` : `${path}:${line}:${column}`;
}

/** `Ada <ada@example.org>` → `Ada` */
export function personOf(author: string): string {
  return author.replace(/\s*<[^>]*>\s*$/, "") || author;
}

export function audited({ audit }: BranchRow): boolean {
  return (audit?.differences ?? 0) > 0;
}
