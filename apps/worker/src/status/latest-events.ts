import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { readBranchEvent } from "./branch-event.ts";
import { branchEvent } from "./event-schema.ts";
import { projectionCode } from "./projection-code.ts";

/** Events kept of all branches together, newest first. */
const KEPT = 40;

const latest = z.object({ events: z.array(branchEvent) });

/** The latest events of all branches, in one row, so that deletions are among them too. */
export const latestEvents = defineProjection<z.infer<typeof latest>>({
  name: "worker_latest_events",
  ...projectionCode("worker_latest_events", import.meta.url),
  key: () => "latest",
  schema: latest,
  init: () => ({ events: [] }),
  apply: ({ events }, stored) => ({ events: [readBranchEvent(stored), ...events].slice(0, KEPT) }),
});
