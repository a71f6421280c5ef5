import { titleOf } from "../texts.ts";
import type { Actor } from "../world.ts";
import { play, type Stage } from "./stage.ts";
import { playWorkflowRuns } from "./workflow-runs.ts";

export interface Push {
  readonly at: number;
  readonly actor: Actor;
  readonly branch: string;
  readonly title: string;
  readonly trigger: "push" | "pull_request";
}

/** Commits arrive on a branch, and the workflows run. */
export function playPush(stage: Stage, { at, actor, branch, title, trigger }: Push): void {
  const commits = stage.random.between(1, 5);
  play(stage, { at, event: "push", actor, facts: { branch, commits, title } });
  playWorkflowRuns(stage, { at, actor, branch, trigger, title });
}

/** Somebody pushes to the main branch, as people do for small things. */
export function playDirectPush(stage: Stage, at: number): void {
  const { random, world, repository } = stage;
  const title = titleOf(`push to ${repository.fullName} at ${at}`);
  playPush(stage, { at, actor: random.pick(world.actors), branch: "main", title, trigger: "push" });
}
