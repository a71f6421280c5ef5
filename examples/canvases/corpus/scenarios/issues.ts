import { secondsPerDay } from "../clock.ts";
import { proseOf, titleOf } from "../texts.ts";
import { playComment } from "./comments.ts";
import { play, type Stage } from "./stage.ts";

const labels = ["bug", "documentation", "enhancement", "good first issue", "performance", "question"];

/** An issue is opened, labelled, discussed, and, for two out of three, closed. */
export function playIssue(stage: Stage, opened: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const number = counters.nextNumber(repository);
  const subject = `issue/${repository.id}/${number}`;
  const author = random.pick(world.actors);
  const body = proseOf(subject, corpus.sentences);
  const texts = { title: titleOf(subject), body };
  play(stage, { at: opened, event: "issues", action: "opened", actor: author, facts: { number, ...texts } });

  let at = opened + random.between(30, 4_000);
  const label = random.pick(labels);
  const triager = random.pick(world.actors);
  play(stage, { at, event: "issues", action: "labeled", actor: triager, facts: { number, label } });
  for (let comments = random.between(0, 4); comments > 0; comments--) {
    at += random.between(300, 2 * secondsPerDay);
    playComment(stage, { at, number, subject, kind: "issue" });
  }
  if (random.chance(66)) {
    at += random.between(300, 5 * secondsPerDay);
    play(stage, { at, event: "issues", action: "closed", actor: triager, facts: { number } });
  }
}
