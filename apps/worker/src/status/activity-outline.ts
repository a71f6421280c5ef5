import { type BranchActivity, countedAs } from "./branch-activity.ts";
import type { BranchFacts } from "./read-branches.ts";
import type { BranchRow } from "./status-schema.ts";

type Outline = BranchRow["activity"];

export const noActivity: Outline = {
  since: null,
  published: 0,
  failed: 0,
  parked: 0,
  lastType: null,
  lastAt: null,
};

/**
 * What had happened to a branch when its row was read. Events are read later than rows: those that came between are
 * taken back.
 *
 * @returns undefined when that is not known any more, since too much came between, or the branch's deletion
 */
export function outlineAsOf(
  activity: BranchActivity | undefined,
  { eventPosition, deletedAt }: Pick<BranchFacts, "eventPosition" | "deletedAt">,
): Outline | undefined {
  if (activity === undefined) return eventPosition === 0 || deletedAt !== null ? noActivity : undefined;
  const { events } = activity;
  const known = events.findIndex(({ position }) => position <= eventPosition);
  const last = events[known];
  if (last === undefined) return eventPosition === 0 ? noActivity : undefined;
  const { since, published, failed, parked } = activity;
  const outline = { since, published, failed, parked };
  for (const { type } of events.slice(0, known)) {
    const column = countedAs[type];
    if (column !== undefined) outline[column] -= 1;
  }
  return { ...outline, lastType: last.type, lastAt: last.at };
}
