import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { readBranchEvent } from "./branch-event.ts";
import { branchEvent } from "./event-schema.ts";
import { projectionCode } from "./projection-code.ts";

/** Events kept of a branch, newest first; the log has the others. */
const KEPT = 8;

const activity = z.object({
  /** When the first event happened that is counted: a fold of a log whose beginning is not kept has no older ones. */
  since: z.string().nullable(),
  published: z.number(),
  failed: z.number(),
  parked: z.number(),
  events: z.array(branchEvent),
});
export type BranchActivity = z.infer<typeof activity>;

/** Events that are counted, each with the others of its kind. */
export const countedAs: Readonly<Record<string, "published" | "failed" | "parked">> = {
  "branch-materialized": "published",
  "branch-failed": "failed",
  "branch-parked": "parked",
};

/** What happened to each branch, as far as the log was kept when its row was made. A deleted branch has none. */
export const branchActivity = defineProjection<BranchActivity>({
  name: "worker_branch_activity",
  ...projectionCode("worker_branch_activity", import.meta.url),
  key: ({ stream }) => stream,
  schema: activity,
  init: () => ({ since: null, published: 0, failed: 0, parked: 0, events: [] }),
  apply: (before, stored) => {
    if (stored.type === "branch-deleted") return undefined;
    const event = readBranchEvent(stored);
    const column = countedAs[stored.type];
    return {
      ...before,
      ...(column !== undefined && { [column]: before[column] + 1 }),
      since: before.since ?? event.at,
      events: [event, ...before.events].slice(0, KEPT),
    };
  },
});
