import { branchActivity } from "./branch-activity.ts";
import { hourlyOutcomes } from "./hourly-outcomes.ts";
import { latestEvents } from "./latest-events.ts";

/** The worker's read models of the materializer's event log. */
export const projections = [branchActivity, hourlyOutcomes, latestEvents];
