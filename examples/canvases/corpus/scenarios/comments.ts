import { proseOf } from "../texts.ts";
import { play, type Stage } from "./stage.ts";

export interface Comment {
  readonly at: number;
  readonly number: number;
  readonly subject: string;
  readonly kind: "issue" | "pull";
}

/** Somebody has something to say; GitHub calls it an issue comment on pull requests too. */
export function playComment(stage: Stage, { at, number, subject, kind }: Comment): void {
  const { random, world, counters, corpus } = stage;
  const comment = counters.nextComment();
  const body = proseOf(`comment ${comment} on ${subject}`, corpus.sentences);
  const actor = random.pick(world.actors);
  const facts = { number, on: kind, comment, body };
  play(stage, { at, event: "issue_comment", action: "created", actor, facts });
}
