import { adoptLog } from "@headstart/projection-bootstrap";
import { activity } from "./activity.ts";
import { runs } from "./runs.ts";
import { threads } from "./threads.ts";

/** What `createBootstrap` takes besides the pool: for the service, and for `headstart projections`. */
export default {
  projections: [runs, activity, threads],
  log: adoptLog({
    table: "public.event",
    columns: { recordedAt: "occurred_at", data: { repository: "repository_id", facts: "data" } },
    // `append_inbox` appends one transaction at a time, each in full.
    writers: "serialized",
  }),
};
