import type { Actor, Repository } from "./world.ts";

/**
 * What an event says beyond its type, time and place. Together with what the first event of its stream said, it is
 * all that the delivery is made from.
 */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** Something that happened, before anybody wrote a delivery about it. */
export interface Activity {
  /** Seconds since the story began. */
  readonly at: number;
  readonly event: string;
  readonly action: string | undefined;
  readonly repository: Repository | undefined;
  readonly actor: Actor | undefined;
  /** Which thing it is about, for example `issue/103/12`. */
  readonly stream: string;
  readonly facts: Facts;
}
