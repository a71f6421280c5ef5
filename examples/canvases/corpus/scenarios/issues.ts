import { secondsPerDay } from "../clock.ts";
import { proseOf, titleOf } from "../texts.ts";
import { playComment } from "./comments.ts";
import { play, type Stage } from "./stage.ts";

const labels = ["bug", "documentation", "enhancement", "good first issue", "performance", "question"];

/** An issue is opened, labelled, discussed, and, for two out of three, closed. */
export function playIssue(stage: Stage, opened: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const stream = `issue/${repository.id}/${counters.nextNumber(repository)}`;
  const opening = { title: titleOf(stream), body: proseOf(stream, corpus.sentences) };
  const about = { stream, event: "issues" };
  play(stage, { ...about, at: opened, action: "opened", actor: random.pick(world.actors), facts: opening });

  let at = opened + random.between(30, 4_000);
  const triager = random.pick(world.actors);
  const labelled = { ...opening, label: random.pick(labels) };
  play(stage, { ...about, at, action: "labeled", actor: triager, facts: labelled });
  for (let comments = random.between(0, 4); comments > 0; comments--) {
    at += random.between(300, 2 * secondsPerDay);
    playComment(stage, { at, event: "issue_comment", stream, opening });
  }
  if (random.chance(66)) {
    at += random.between(300, 5 * secondsPerDay);
    play(stage, { ...about, at, action: "closed", actor: triager, facts: opening });
  }
}
