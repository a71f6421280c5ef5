import type pg from "pg";
import { type EventLog, readPages, type ReadCount } from "../log/event-log.ts";
import { requireWhole } from "../log/require-whole.ts";
import { beginning, comparePositions, type Position } from "../position.ts";
import type { Projection } from "../projection/define-projection.ts";
import { applyStep, planStep, type RowStore, wantedTypes } from "../projection/fold.ts";

export interface RefoldOptions {
  readonly log: EventLog;
  readonly projection: Projection;
  /** Inclusive. */
  readonly upTo: Position;
  /** Which rows are wanted. @default all */
  readonly only?: ((key: string) => boolean) | undefined;
  /** Events to leave out: those that are set aside. */
  readonly without?: ((key: string, position: Position) => boolean) | undefined;
  readonly limitRows: number;
  readonly limitBytes: number;
  readonly count?: ReadCount | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each page, with the number of its events. */
  readonly onPage?: ((events: number) => Promise<void> | void) | undefined;
}

/**
 * Folds the log's beginning again, in memory. Rows that look at others need those too, so then all of them are
 * folded and what was not asked for is dropped at the end.
 *
 * @throws {ProjectionError} `POISON_EVENT`, `POSITION_MISSED` when the log was cut
 */
export async function refold(client: pg.ClientBase, options: RefoldOptions): Promise<Map<string, unknown>> {
  const { log, projection, upTo, without, limitRows, limitBytes, count, signal, onPage } = options;
  const only = options.only ?? (() => true);
  const alone = projection.definition.reads === undefined;
  const rows = new FoldedRows();
  const range = { after: beginning, upTo, types: wantedTypes(projection), limitRows, limitBytes };
  if (comparePositions(upTo, beginning) <= 0) return rows;
  await requireWhole(client, log);
  for await (const page of readPages(log, client, range, { count, signal })) {
    for (const event of page.events) {
      const step = planStep(projection, event);
      for (const key of step?.keys ?? []) {
        if (alone && !only(key)) continue;
        if (without?.(key, event.position) === true) continue;
        if (step !== undefined) applyStep(projection, step, key, rows);
      }
    }
    await onPage?.(page.events.length);
  }
  for (const key of rows.keys()) if (!only(key)) rows.delete(key);
  return rows;
}

/** Rows of a fold that ends in memory. */
export class FoldedRows extends Map<string, unknown> implements RowStore {}
