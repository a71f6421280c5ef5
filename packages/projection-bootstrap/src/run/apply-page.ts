import type pg from "pg";
import { ProjectionError } from "../errors.ts";
import type { RawEvent } from "../log/event-log.ts";
import { formatPosition, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type RowStore, type Step } from "../projection/fold.ts";
import { encodeRow } from "../projection/row-codec.ts";
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
 * Folds a page of events into a version's rows, in the caller's transaction. Rows are looked at as they are written,
 * once for each page; when one of them cannot be stored, the page is folded again to find the event that made it so.
 *
 * @throws {ProjectionError} `POISON_EVENT`, `STATE_NOT_PLAIN` under `strict`
 */
export async function applyPage(
  client: pg.ClientBase,
  target: PageTarget,
  events: readonly RawEvent[],
): Promise<PageResult> {
  const before = [...target.parked];
  try {
    return await foldPage(client, target, { events, checked: false });
  } catch (error) {
    const unstorable = error instanceof ProjectionError && error.code === "STATE_NOT_PLAIN";
    if (target.policy === "strict" || !unstorable) throw error;
    target.parked.clear();
    for (const key of before) target.parked.add(key);
    return await foldPage(client, target, { events, checked: true });
  }
}

interface PageFold {
  readonly events: readonly RawEvent[];
  /** Whether a row has to be one that can be stored after each of its events. */
  readonly checked: boolean;
}

async function foldPage(
  client: pg.ClientBase,
  target: PageTarget,
  { events, checked }: PageFold,
): Promise<PageResult> {
  const { projection, versionId, parked } = target;
  const { steps, taken, fault } = planPage(target, events);
  const rows = new BatchRows(projection, versionId);
  const store = checked ? onlyStorable(projection, rows) : rows;
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
          : tryApply(target, step, key, store);
      if (error === undefined) continue;
      parked.add(key);
      set.push({ key, position: step.event.position, error: error === "" ? undefined : error });
    }
  }
  const growth = await rows.flush(client);
  await parkEvents(client, versionId, set);
  return { growth, taken, fault };
}

/** Refuses a row that would not come back as it is; the row stays as it was. */
function onlyStorable(projection: Projection, rows: BatchRows): RowStore {
  return {
    get: (key) => rows.get(key),
    set: (key, state) => {
      encodeRow(projection, key, state);
      rows.set(key, state);
    },
    delete: (key) => rows.delete(key),
  };
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
  rows: RowStore,
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
