import { secondsPerDay } from "../clock.ts";
import { proseOf, titleOf } from "../texts.ts";
import { playComment } from "./comments.ts";
import { play, type Stage } from "./stage.ts";

/** A discussion gathers comments. */
export function playDiscussion(stage: Stage, created: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const stream = `discussion/${repository.id}/${counters.nextNumber(repository)}`;
  const opening = { title: titleOf(stream), body: proseOf(stream, corpus.sentences) };
  const actor = random.pick(world.actors);
  play(stage, { at: created, stream, event: "discussion", action: "created", actor, facts: opening });
  let at = created;
  for (let comments = random.between(1, 5); comments > 0; comments--) {
    at += random.between(120, secondsPerDay);
    playComment(stage, { at, event: "discussion_comment", stream, opening });
  }
}
