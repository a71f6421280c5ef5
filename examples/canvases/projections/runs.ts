import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { type DeliveryEvent, textFact } from "./delivery-event.ts";

const runState = z.object({
  repository: z.number().nullable(),
  workflow: z.string(),
  number: z.number(),
  branch: z.string(),
  trigger: z.string(),
  title: z.string(),
  status: z.string(),
  conclusion: z.string().nullable(),
  /** Empty until the request was seen. */
  requestedAt: z.string(),
  startedAt: z.string().nullable(),
  completedAt: z.string().nullable(),
  jobs: z.number(),
  failedJobs: z.number(),
});

export type RunState = z.infer<typeof runState>;

/** The current state of each workflow run, by `run/<id>`. A run whose request lies before the log has no row. */
export const runs = defineProjection<RunState, DeliveryEvent>({
  name: "runs",
  source: import.meta.url,
  types: [
    "workflow_run.requested",
    "workflow_run.in_progress",
    "workflow_run.completed",
    "workflow_job.queued",
    "workflow_job.in_progress",
    "workflow_job.completed",
    "workflow_job.waiting",
  ],
  key: ({ stream }) => stream,
  schema: runState,
  init: () => ({
    repository: null,
    workflow: "",
    number: 0,
    branch: "",
    trigger: "",
    title: "",
    status: "",
    conclusion: null,
    requestedAt: "",
    startedAt: null,
    completedAt: null,
    jobs: 0,
    failedJobs: 0,
  }),
  apply: (run, event) => {
    if (event.type === "workflow_run.requested") return requested(run, event);
    if (run.requestedAt === "") return undefined;
    return event.type.startsWith("workflow_job.") ? withJob(run, event) : moved(run, event);
  },
});

function requested(run: RunState, event: DeliveryEvent): RunState {
  const status = textFact(event, "status") ?? run.status;
  if (run.requestedAt !== "") return { ...run, status };
  return {
    ...run,
    repository: event.data.repository,
    workflow: textFact(event, "workflow") ?? "",
    number: Number(event.data.facts["number"]),
    branch: textFact(event, "branch") ?? "",
    trigger: textFact(event, "trigger") ?? "",
    title: textFact(event, "title") ?? "",
    status,
    requestedAt: event.recordedAt.toISOString(),
  };
}

function moved(run: RunState, event: DeliveryEvent): RunState {
  const at = event.recordedAt.toISOString();
  const completed = event.type === "workflow_run.completed";
  return {
    ...run,
    status: textFact(event, "status") ?? run.status,
    conclusion: textFact(event, "conclusion") ?? run.conclusion,
    startedAt: completed ? run.startedAt : (run.startedAt ?? at),
    completedAt: completed ? at : run.completedAt,
  };
}

function withJob(run: RunState, event: DeliveryEvent): RunState {
  return {
    ...run,
    jobs: run.jobs + Number(event.type === "workflow_job.queued"),
    failedJobs: run.failedJobs + Number(textFact(event, "conclusion") === "failure"),
  };
}
