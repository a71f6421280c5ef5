import { defineProjection } from "@headstart/projection-bootstrap";
import { z } from "zod";
import { projectionCode } from "./projection-code.ts";

const outcomes = z.object({
  /** When the hour began. */
  hour: z.string(),
  published: z.number(),
  /** Failed or parked. */
  failed: z.number(),
  deleted: z.number(),
});
export type HourlyOutcomes = z.infer<typeof outcomes>;

const columns: Readonly<Record<string, "published" | "failed" | "deleted">> = {
  "branch-materialized": "published",
  "branch-failed": "failed",
  "branch-parked": "failed",
  "branch-deleted": "deleted",
};

/** How builds ended, by the hour: 8,760 small rows a year. */
export const hourlyOutcomes = defineProjection<HourlyOutcomes>({
  name: "worker_hourly_outcomes",
  ...projectionCode("worker_hourly_outcomes", import.meta.url),
  types: Object.keys(columns),
  key: ({ recordedAt }) => startOfHour(recordedAt),
  schema: outcomes,
  init: (hour) => ({ hour, published: 0, failed: 0, deleted: 0 }),
  apply: (before, { type }) => {
    const column = columns[type];
    return column === undefined ? before : { ...before, [column]: before[column] + 1 };
  },
});

export function startOfHour(time: Date): string {
  return new Date(Math.floor(time.getTime() / 3_600_000) * 3_600_000).toISOString();
}
