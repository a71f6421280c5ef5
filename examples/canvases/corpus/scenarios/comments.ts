import type { Facts } from "../activity.ts";
import { proseOf } from "../texts.ts";
import { play, type Stage } from "./stage.ts";

export interface Comment {
  readonly at: number;
  readonly event: "issue_comment" | "discussion_comment";
  /** What is commented on. */
  readonly stream: string;
  /** What the first event of the stream said. */
  readonly opening: Facts;
}

/** Somebody has something to say; GitHub calls it an issue comment on pull requests too. */
export function playComment(stage: Stage, { at, event, stream, opening }: Comment): void {
  const { random, world, corpus } = stage;
  const reply = proseOf(`comment on ${stream} at ${at}`, corpus.sentences);
  const actor = random.pick(world.actors);
  play(stage, { at, stream, event, action: "created", actor, facts: { ...opening, reply } });
}
