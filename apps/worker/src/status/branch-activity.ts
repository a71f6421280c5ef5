import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { readBranchEvent } from "./branch-event.ts";
import { branchEvent } from "./event-schema.ts";
import { projectionCode } from "./projection-code.ts";

/** Events kept of a branch, newest first; the log has the others. */
const KEPT = 8;

const activity = z.object({
  /** What readers were last switched to; null before the first version. */
  served: z.object({ commit: z.string(), version: z.string(), at: z.string() }).nullable(),
  /** The last failure since which nothing was published. */
  failure: z
    .object({
      code: z.string().nullable(),
      reason: z.string().nullable(),
      commit: z.string().nullable(),
      at: z.string(),
    })
    .nullable(),
  /** When the first event happened that is counted: a fold of a log whose beginning is not kept has no older ones. */
  since: z.string().nullable(),
  published: z.number(),
  failed: z.number(),
  parked: z.number(),
  events: z.array(branchEvent),
});
export type BranchActivity = z.infer<typeof activity>;

/** What happened to each branch, as far as the log was kept when its row was made. A deleted branch has none. */
export const branchActivity = defineProjection<BranchActivity>({
  name: "worker_branch_activity",
  ...projectionCode("worker_branch_activity", import.meta.url),
  key: ({ stream }) => stream,
  schema: activity,
  init: () => ({ served: null, failure: null, since: null, published: 0, failed: 0, parked: 0, events: [] }),
  apply: (former, stored) => {
    if (stored.type === "branch-deleted") return undefined;
    const event = readBranchEvent(stored);
    const before = { ...former, since: former.since ?? event.at };
    const { commit, version, at, code, reason } = event;
    const events = [event, ...before.events].slice(0, KEPT);
    const served = commit === null || version === null ? before.served : { commit, version, at };
    switch (stored.type) {
      case "branch-materialized":
        return { ...before, events, served, failure: null, published: before.published + 1 };
      case "branch-pinned":
      case "branch-unpinned":
        return { ...before, events, served };
      case "branch-failed":
        return { ...before, events, failure: { code, reason, commit, at }, failed: before.failed + 1 };
      case "branch-parked":
        return { ...before, events, failure: { code, reason, commit, at }, parked: before.parked + 1 };
      default:
        return { ...before, events };
    }
  },
});
