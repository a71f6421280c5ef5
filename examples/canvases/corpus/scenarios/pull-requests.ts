import type { Facts } from "../activity.ts";
import { secondsPerDay } from "../clock.ts";
import { proseOf, titleOf } from "../texts.ts";
import { playComment } from "./comments.ts";
import { playPush } from "./pushes.ts";
import { play, type Stage } from "./stage.ts";

/** A pull request is opened, discussed, reviewed, improved and, mostly, merged. */
export function playPullRequest(stage: Stage, opened: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const number = counters.nextNumber(repository);
  const stream = `pull/${repository.id}/${number}`;
  const title = titleOf(stream);
  const author = random.pick(world.actors);
  const branch = `${author.login.split("-")[0]}/${number}`;
  const opening = { branch, title, body: proseOf(stream, corpus.sentences) };
  const about = { stream, event: "pull_request", facts: opening };

  playPush(stage, { at: opened - 60, actor: author, branch, title, trigger: "pull_request" });
  play(stage, { ...about, at: opened, action: "opened", actor: author });
  let at = opened;
  for (let round = random.between(0, 3); round > 0; round--) {
    at += random.between(600, secondsPerDay);
    playReview(stage, { at, stream, opening });
    if (random.chance(50)) playComment(stage, { at: at + 300, event: "issue_comment", stream, opening });
    at += random.between(600, 20_000);
    playPush(stage, { at: at - 5, actor: author, branch, title, trigger: "pull_request" });
    play(stage, { ...about, at, action: "synchronize", actor: author });
  }
  at += random.between(300, secondsPerDay);
  play(stage, { ...about, at, action: "closed", actor: random.pick(world.actors) });
  if (random.chance(80))
    playPush(stage, { at: at + 2, actor: author, branch: "main", title, trigger: "push" });
  play(stage, { at: at + 5, event: "delete", actor: author, facts: { branch } });
}

interface Review {
  readonly at: number;
  readonly stream: string;
  readonly opening: Facts;
}

function playReview(stage: Stage, { at, stream, opening }: Review): void {
  const { random, world, corpus } = stage;
  const actor = random.pick(world.actors);
  const state = random.chance(60) ? "approved" : "changes_requested";
  const reply = proseOf(`review of ${stream} at ${at}`, corpus.sentences);
  const facts = { ...opening, state, reply };
  play(stage, { at, stream, event: "pull_request_review", action: "submitted", actor, facts });
}
