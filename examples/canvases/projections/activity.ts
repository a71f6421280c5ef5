import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { type DeliveryEvent, textFact } from "./delivery-event.ts";

const activityState = z.object({
  repository: z.number(),
  /** `2024-03-09`, in UTC. */
  day: z.string(),
  events: z.number(),
  pushes: z.number(),
  runs: z.number(),
  failedRuns: z.number(),
  opened: z.number(),
  closed: z.number(),
  comments: z.number(),
  stars: z.number(),
});

export type ActivityState = z.infer<typeof activityState>;

type Counter = Exclude<keyof ActivityState, "repository" | "day">;

/** What each type of event adds to, besides `events`. */
const counters: Readonly<Record<string, readonly [Counter, number]>> = {
  push: ["pushes", 1],
  "workflow_run.completed": ["runs", 1],
  "issues.opened": ["opened", 1],
  "pull_request.opened": ["opened", 1],
  "issues.closed": ["closed", 1],
  "pull_request.closed": ["closed", 1],
  "issue_comment.created": ["comments", 1],
  "discussion_comment.created": ["comments", 1],
  "star.created": ["stars", 1],
  "star.deleted": ["stars", -1],
};

/** What happened in each repository on each day, by `<repository>/<day>`. */
export const activity = defineProjection<ActivityState, DeliveryEvent>({
  name: "activity",
  source: import.meta.url,
  key: ({ data, recordedAt }) =>
    data.repository === null ? undefined : `${data.repository}/${recordedAt.toISOString().slice(0, 10)}`,
  schema: activityState,
  init: (key) => {
    const [repository = "", day = ""] = key.split("/");
    const none = { pushes: 0, runs: 0, failedRuns: 0, opened: 0, closed: 0, comments: 0, stars: 0 };
    return { repository: Number(repository), day, events: 0, ...none };
  },
  apply: (day, event) => {
    const next = { ...day, events: day.events + 1 };
    const [counter, by] = counters[event.type] ?? [];
    if (counter !== undefined) next[counter] += by ?? 0;
    if (counter === "runs" && textFact(event, "conclusion") === "failure") next.failedRuns += 1;
    return next;
  },
});
