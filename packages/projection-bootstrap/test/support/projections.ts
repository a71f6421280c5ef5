import { z } from "zod";
import { defineProjection, type ProjectionDefinition } from "../../src/projection/define-projection.ts";
import type { StoredEvent } from "../../src/log/event-log.ts";

export interface Total {
  count: number;
  sum: number;
}

type Changes<State> = Partial<ProjectionDefinition<State, StoredEvent<{ amount: number; text?: string }>>>;

/** Sums of amounts by stream: a fold whose double application shows. */
export function totals(changes: Changes<Total> = {}) {
  return defineProjection<Total, StoredEvent<{ amount: number }>>({
    name: "totals",
    identity: "totals 1",
    key: ({ stream }) => stream,
    schema: z.object({ count: z.number(), sum: z.number() }),
    init: () => ({ count: 0, sum: 0 }),
    apply: (state, { data }) => ({ count: state.count + 1, sum: state.sum + data.amount }),
    ...changes,
  });
}

export interface Story {
  text: string;
}

/** Text that grows by each event, over all streams: order and repetition show. */
export function story(changes: Changes<Story> = {}) {
  return defineProjection<Story, StoredEvent<{ amount: number }>>({
    name: "story",
    identity: "story 1",
    key: ({ data }) => `story ${data.amount % 3}`,
    schema: z.object({ text: z.string() }),
    init: () => ({ text: "" }),
    apply: ({ text }, { stream, version }) => ({ text: `${text}${stream}.${version} ` }),
    ...changes,
  });
}

export function amounts(...list: number[]) {
  return list.map((amount) => ({ type: "added", data: { amount } }));
}
