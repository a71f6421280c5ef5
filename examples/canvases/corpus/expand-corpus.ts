import type { Activity } from "./activity.ts";
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
  /** Index of the corpus's example that it is modelled on. */
  readonly example: number;
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
      for (const activity of activities) {
        const body = corpus.examples[activity.example]?.body;
        if (body) yield toDelivery(activity, body);
      }
    },
  };
}

function toDelivery(activity: Activity, example: JsonObject): Delivery {
  const { at, event, action, repository, actor, facts } = activity;
  const occurredAt = momentAt(at);
  const body = deliver(example, { event, action, occurredAt, repository, actor, facts });
  return { event, occurredAt, example: activity.example, body };
}
