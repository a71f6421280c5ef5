import type pg from "pg";
import { FoldedRows, type RefoldOptions } from "../boot/refold.ts";
import { readPages, type StoredEvent } from "../log/event-log.ts";
import { beginning, formatPosition } from "../position.ts";
import { applyStep, planStep, type Step, wantedTypes } from "../projection/fold.ts";
import { canonicalRow, digestOfRow } from "../projection/row-codec.ts";
import { readRows } from "../store/row-table.ts";

/** Why a row differs, as far as the log can tell. */
export interface Diagnosis {
  readonly key: string;
  /**
   * `stopped`: the row ends before the event; `skipped`: it holds all but the event; `repeated`: it holds the event
   * twice; `changed`: no event explains it, so something else wrote it, and the event is the last that it should hold.
   */
  readonly kind: "stopped" | "skipped" | "repeated" | "changed";
  readonly event: { readonly position: string; readonly stream: string; readonly type: string } | undefined;
  /** The stored row as canonical JSON, or undefined when there is none; cut to 400 characters. */
  readonly stored: string | undefined;
  /** What the log says, likewise. */
  readonly expected: string | undefined;
}

export interface DiagnoseOptions extends RefoldOptions {
  readonly key: string;
  readonly versionId: string;
}

/** Events of one key up to which leaving out or repeating each of them is tried. */
const trials = 2000;

export async function diagnoseKey(client: pg.ClientBase, options: DiagnoseOptions): Promise<Diagnosis> {
  const { key, versionId } = options;
  const [row] = await readRows(client, versionId, [key]);
  const stored = row?.json === undefined ? undefined : (JSON.parse(row.json) as unknown);
  const target = stored === undefined ? undefined : digestOfRow(stored);
  const { steps, rows, digests } = await foldKey(client, options);
  const expected = rows.get(key);
  const say = (kind: Diagnosis["kind"], event: StoredEvent | undefined): Diagnosis => ({
    key,
    kind,
    event: event && { position: formatPosition(event.position), stream: event.stream, type: event.type },
    stored: stored === undefined ? undefined : canonicalRow(stored).slice(0, 400),
    expected: expected === undefined ? undefined : canonicalRow(expected).slice(0, 400),
  });
  // From the end, because the newest state that fits explains the row with the fewest lost events.
  const stoppedAt = digests.lastIndexOf(target, digests.length - 2);
  if (stoppedAt >= 0) return say("stopped", steps[stoppedAt]?.event);
  const { projection } = options;
  if (projection.definition.reads === undefined && steps.length <= trials) {
    for (const [index, step] of steps.entries()) {
      if (refolds(options, [...steps.slice(0, index), ...steps.slice(index + 1)], target)) {
        return say("skipped", step.event);
      }
      if (refolds(options, [...steps.slice(0, index), step, ...steps.slice(index)], target)) {
        return say("repeated", step.event);
      }
    }
  }
  return say("changed", steps.at(-1)?.event);
}

interface KeyHistory {
  readonly steps: readonly Step[];
  readonly rows: FoldedRows;
  /** Before the first event, and after each; undefined for no row. */
  readonly digests: readonly (string | undefined)[];
}

async function foldKey(client: pg.ClientBase, options: DiagnoseOptions): Promise<KeyHistory> {
  const { log, projection, upTo, key, without, limitRows, limitBytes, count, signal, onPage } = options;
  const rows = new FoldedRows();
  const steps: Step[] = [];
  const digests: (string | undefined)[] = [undefined];
  const alone = projection.definition.reads === undefined;
  const range = { after: beginning, upTo, types: wantedTypes(projection), limitRows, limitBytes };
  for await (const { events } of readPages(log, client, range, { count, signal })) {
    for (const event of events) {
      const step = planStep(projection, event);
      if (step === undefined || (alone && !step.keys.includes(key))) continue;
      for (const each of step.keys) {
        if ((alone && each !== key) || without?.(each, event.position) === true) continue;
        applyStep(projection, step, each, rows);
        if (each !== key) continue;
        steps.push(step);
        const state = rows.get(key);
        digests.push(state === undefined ? undefined : digestOfRow(state));
      }
    }
    await onPage?.(events.length);
  }
  return { steps, rows, digests };
}

function refolds(
  { projection, key }: DiagnoseOptions,
  steps: readonly Step[],
  target: string | undefined,
): boolean {
  const rows = new FoldedRows();
  try {
    for (const step of steps) applyStep(projection, step, key, rows);
  } catch {
    return false;
  }
  const state = rows.get(key);
  return (state === undefined ? undefined : digestOfRow(state)) === target;
}
