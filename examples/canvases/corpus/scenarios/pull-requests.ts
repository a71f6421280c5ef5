import { secondsPerDay } from "../clock.ts";
import { proseOf, titleOf } from "../texts.ts";
import type { Actor } from "../world.ts";
import { playComment } from "./comments.ts";
import { playPush } from "./pushes.ts";
import { play, type Stage } from "./stage.ts";

/** A pull request is opened, discussed, reviewed, improved and, mostly, merged. */
export function playPullRequest(stage: Stage, opened: number): void {
  const { random, world, repository, counters, corpus } = stage;
  const number = counters.nextNumber(repository);
  const subject = `pull/${repository.id}/${number}`;
  const title = titleOf(subject);
  const author = random.pick(world.actors);
  const branch = `${author.login.split("-")[0]}/${number}`;
  const tell = (
    at: number,
    action: string,
    more: { actor?: Actor; body?: string; title?: string } = {},
  ): void => {
    const { actor = author, ...texts } = more;
    play(stage, { at, event: "pull_request", action, actor, facts: { number, branch, ...texts } });
  };

  playPush(stage, { at: opened - 60, actor: author, branch, title, trigger: "pull_request" });
  tell(opened, "opened", { title, body: proseOf(subject, corpus.sentences) });
  let at = opened;
  for (let round = random.between(0, 3); round > 0; round--) {
    at += random.between(600, secondsPerDay);
    playReview(stage, { at, number, branch, subject });
    if (random.chance(50)) playComment(stage, { at: at + 300, number, subject, kind: "pull" });
    at += random.between(600, 20_000);
    playPush(stage, { at: at - 5, actor: author, branch, title, trigger: "pull_request" });
    tell(at, "synchronize");
  }
  at += random.between(300, secondsPerDay);
  tell(at, "closed", { actor: random.pick(world.actors) });
  if (random.chance(80))
    playPush(stage, { at: at + 2, actor: author, branch: "main", title, trigger: "push" });
  play(stage, { at: at + 5, event: "delete", actor: author, facts: { branch } });
}

interface Review {
  readonly at: number;
  readonly number: number;
  readonly branch: string;
  readonly subject: string;
}

function playReview(stage: Stage, { at, number, branch, subject }: Review): void {
  const { random, world, corpus } = stage;
  const actor = random.pick(world.actors);
  const state = random.chance(60) ? "approved" : "changes_requested";
  const body = proseOf(`review of ${subject} at ${at}`, corpus.sentences);
  const facts = { number, branch, state, body };
  play(stage, { at, event: "pull_request_review", action: "submitted", actor, facts });
}
