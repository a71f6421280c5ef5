import { momentAt } from "./clock.ts";
import { deliver } from "./deliver.ts";
import { readCorpus } from "./read-corpus.ts";
import { simulate } from "./simulate.ts";
import type { JsonObject } from "./slim-delivery.ts";
import { createWorld, type World } from "./world.ts";

/** A webhook as it comes in. */
export interface Delivery {
  readonly event: string;
  readonly occurredAt: string;
  readonly body: JsonObject;
}

export interface ExpandedCorpus {
  readonly world: World;
  readonly count: number;
  /** In the order of time; each is made when it is asked for. */
  deliveries(): Iterable<Delivery>;
}

/** `count` deliveries about the activity of a small world, each modelled on a real one. */
export function expandCorpus(count: number): ExpandedCorpus {
  const world = createWorld();
  const corpus = readCorpus();
  const activities = simulate(world, corpus, count);
  return {
    world,
    count,
    *deliveries() {
      for (const { at, event, ...rest } of activities) {
        const occurredAt = momentAt(at);
        yield { event, occurredAt, body: deliver(corpus, { event, occurredAt, ...rest }) };
      }
    },
  };
}
