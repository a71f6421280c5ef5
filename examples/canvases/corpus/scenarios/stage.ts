import type { Activity, Facts } from "../activity.ts";
import type { Corpus } from "../read-corpus.ts";
import type { Random } from "../random.ts";
import type { Actor, Repository, World } from "../world.ts";

/** Where a scenario plays: one repository on one day. */
export interface Stage {
  readonly world: World;
  readonly corpus: Corpus;
  readonly repository: Repository;
  readonly random: Random;
  readonly counters: Counters;
  readonly emit: (activity: Activity) => void;
}

/** Numbers that GitHub gives out, each once. */
export interface Counters {
  nextRun(): number;
  nextNumber(repository: Repository): number;
  nextRunNumber(repository: Repository, workflow: string): number;
}

export interface Scene {
  readonly at: number;
  /** @default the repository's own */
  readonly stream?: string | undefined;
  readonly event: string;
  readonly action?: string | undefined;
  readonly actor: Actor;
  readonly facts: Facts;
}

/** Adds one event to the story. */
export function play({ repository, emit }: Stage, scene: Scene): void {
  const { at, stream = `repository/${repository.id}`, event, action, actor, facts } = scene;
  emit({ at, stream, event, action, repository, actor, facts });
}
