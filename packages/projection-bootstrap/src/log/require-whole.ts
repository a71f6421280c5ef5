import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import type { EventLog } from "./event-log.ts";

/**
 * Asked before a fold from the beginning, which would otherwise pass for the fold of a log that it is not.
 *
 * @throws {ProjectionError} `POSITION_MISSED`
 */
export async function requireWhole(client: pg.ClientBase, log: EventLog): Promise<void> {
  if (!(await log.isCut(client))) return;
  throw new ProjectionError(
    "POSITION_MISSED",
    "the log was cut: its first events are gone, and nothing can be folded from the beginning",
    { hint: "run the code that made the present rows, which need no earlier events, or restore the events" },
  );
}
