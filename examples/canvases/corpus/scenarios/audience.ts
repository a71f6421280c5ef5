import { play, type Stage } from "./stage.ts";

/** Stars, watchers and forks come one by one, at any hour. */
export function playAudience(stage: Stage, at: number): void {
  const { random, world } = stage;
  const actor = random.pick(world.actors);
  const kind = random.int(20);
  if (kind < 13) play(stage, { at, event: "star", action: "created", actor, facts: {} });
  else if (kind < 15) play(stage, { at, event: "star", action: "deleted", actor, facts: {} });
  else if (kind < 19) play(stage, { at, event: "watch", action: "started", actor, facts: {} });
  else play(stage, { at, event: "fork", actor, facts: {} });
}
