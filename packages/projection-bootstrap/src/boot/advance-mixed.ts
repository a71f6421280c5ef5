import type { Horizon, Page } from "../log/event-log.ts";
import { comparePositions, laterPosition, type Position } from "../position.ts";
import type { LiveModel } from "./model.ts";

/** A range of the log, page by page; without what a snapshot shows, if one is named. */
export type ReadBetween = (range: {
  readonly after: Position;
  readonly upTo: Position;
  readonly notIn?: string | undefined;
}) => AsyncIterable<Page>;

/**
 * Brings a model with inline rows from one snapshot to the next. Inline rows get what only the later one shows. The
 * others show it on top of what they have, row by row, and go to the fence for good. An event is read once, and once
 * more when the fence comes to it while others are shown beyond. Where one comes that belongs before what its rows were
 * shown already, what is shown of that projection is folded again. Rows are held besides, but no events; and readers
 * see nothing of it before its end.
 */
export async function advanceMixed(model: LiveModel, horizon: Horizon, read: ReadBetween): Promise<void> {
  const { loaded, position: before, snapshot: seen } = model;
  if (horizon.snapshot === seen) return;
  const to = laterPosition(before, horizon.fence);
  const drafts = loaded.map((rows) => ({ rows, draft: rows.draft() }));
  let { shownTo } = model;
  for await (const { events } of read({ after: before, upTo: horizon.head, notIn: seen })) {
    for (const { draft } of drafts) draft.news.fold(events, "aside");
    shownTo = laterPosition(shownTo, events.at(-1)?.position ?? shownTo);
  }
  const passed = comparePositions(shownTo, to) <= 0;
  const late = drafts.filter(({ draft }) => draft.news.late);
  const settling = passed ? late : drafts.filter(({ rows }) => rows.projection.mode === "async");
  if (settling.length > 0 && comparePositions(before, to) < 0) {
    for await (const { events } of read({ after: before, upTo: to })) {
      for (const { draft } of settling) draft.settled.fold(events, "aside");
    }
  }
  if (late.length > 0 && !passed) {
    for await (const { events } of read({ after: to, upTo: horizon.head })) {
      for (const { draft } of late) draft.shown.fold(events, "aside");
    }
  }
  for (const { rows, draft } of drafts) rows.publish(draft, { to, passed });
  model.shownTo = shownTo;
  model.position = to;
  model.snapshot = horizon.snapshot;
}
