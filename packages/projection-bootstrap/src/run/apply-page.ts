import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import type { RawEvent } from "../log/event-log.ts";
import { formatPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type Step } from "../projection/fold.ts";
import { BatchRows } from "../store/batch-rows.ts";
import { type ParkedEvent, parkEvents } from "../store/parked.ts";
import type { Fault } from "../store/version.ts";

/** `strict` fails at the first event that cannot be applied; `park` sets its key aside and goes on. */
export type FailurePolicy = "strict" | "park";

export interface PageTarget {
  readonly projection: Projection;
  readonly versionId: string;
  /** Keys that are set aside already; grows. */
  readonly parked: Set<string>;
  readonly policy: FailurePolicy;
}

export interface PageResult {
  /** By how many the rows grew. */
  readonly growth: number;
  /** Events of the page that were applied or set aside: all of them, without a fault. */
  readonly taken: number;
  readonly fault: Fault | undefined;
}

/**
 * Folds a page of events into a version's rows, in the caller's transaction.
 *
 * @throws {ProjectionError} `POISON_EVENT`, `ROW_UNDECODABLE` under `strict`; `STATE_NOT_PLAIN`, `READ_NOT_DECLARED`
 */
export async function applyPage(
  client: pg.ClientBase,
  target: PageTarget,
  events: readonly RawEvent[],
): Promise<PageResult> {
  const { projection, versionId, parked } = target;
  const { steps, taken, fault } = planPage(target, events);
  const rows = new BatchRows(projection, versionId);
  await rows.load(
    client,
    steps.flatMap(({ keys, reads }) => [...keys, ...reads]),
  );
  const set: ParkedEvent[] = [];
  for (const step of steps) {
    rows.at(step.event.position);
    for (const key of step.keys) {
      const error =
        parked.has(key) || step.reads.some((read) => parked.has(read))
          ? ""
          : tryApply(target, step, key, rows);
      if (error === undefined) continue;
      parked.add(key);
      set.push({ key, position: step.event.position, error: error === "" ? undefined : error });
    }
  }
  await parkEvents(client, versionId, set);
  return { growth: await rows.flush(client), taken, fault };
}

function planPage(
  { projection, policy }: PageTarget,
  events: readonly RawEvent[],
): { steps: Step[]; taken: number; fault: Fault | undefined } {
  const steps: Step[] = [];
  for (const [index, event] of events.entries()) {
    try {
      const step = planStep(projection, event);
      if (step !== undefined) steps.push(step);
    } catch (error) {
      if (policy === "strict" || !(error instanceof ProjectionError)) throw error;
      return {
        steps,
        taken: index,
        fault: { position: formatPosition(event.position), message: error.message },
      };
    }
  }
  return { steps, taken: events.length, fault: undefined };
}

/** Why the step could not be applied, or undefined when it was. */
function tryApply(
  { projection, policy }: PageTarget,
  step: Step,
  key: string,
  rows: BatchRows,
): string | undefined {
  try {
    applyStep(projection, step, key, rows);
    return undefined;
  } catch (error) {
    if (policy === "strict" || !(error instanceof ProjectionError)) throw error;
    return error.message;
  }
}

/** Where a page ends, or where the part that was taken of it does. */
export function endOf(events: readonly RawEvent[], taken: number, from: Position): Position {
  return events[taken - 1]?.position ?? from;
}
