import { secondsPerDay } from "../clock.ts";
import { proseOf, titleOf } from "../texts.ts";
import { play, type Stage } from "./stage.ts";

/** A discussion gathers comments. */
export function playDiscussion(stage: Stage, created: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const number = counters.nextNumber(repository);
  const subject = `discussion/${repository.id}/${number}`;
  const actor = random.pick(world.actors);
  const texts = { title: titleOf(subject), body: proseOf(subject, corpus.sentences) };
  play(stage, { at: created, event: "discussion", action: "created", actor, facts: { number, ...texts } });
  let at = created;
  for (let comments = random.between(1, 5); comments > 0; comments--) {
    at += random.between(120, secondsPerDay);
    const comment = counters.nextComment();
    const body = proseOf(`comment ${comment} on ${subject}`, corpus.sentences);
    const facts = { number, comment, body };
    play(stage, {
      at,
      event: "discussion_comment",
      action: "created",
      actor: random.pick(world.actors),
      facts,
    });
  }
}
