import type { Actor, Repository } from "./world.ts";

/** What an event says beyond its type, time and place, and all that its delivery is made from. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** Something that happened, before anybody wrote a delivery about it. */
export interface Activity {
  /** Seconds since the story began. */
  readonly at: number;
  readonly event: string;
  readonly action: string | undefined;
  readonly repository: Repository | undefined;
  readonly actor: Actor | undefined;
  readonly facts: Facts;
  /** Index of the corpus's example that its delivery is modelled on. */
  readonly example: number;
}
