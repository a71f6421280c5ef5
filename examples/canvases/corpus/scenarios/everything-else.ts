import type { Stage } from "./stage.ts";

/** Something of all that the corpus holds, so that every kind of event GitHub knows occurs in the log. */
export function playAnything({ random, world, corpus, repository, emit }: Stage, at: number): void {
  const { event, action, body } = random.pick(corpus.examples);
  if (told.has(event)) return;
  emit({
    at,
    event,
    action,
    stream: "repository" in body ? `repository/${repository.id}` : "github",
    repository: "repository" in body ? repository : undefined,
    actor: "sender" in body ? random.pick(world.actors) : undefined,
    facts: {},
  });
}

/** Kinds that other scenarios tell with all their consequences. */
const told = new Set([
  "delete",
  "discussion",
  "discussion_comment",
  "issue_comment",
  "issues",
  "pull_request",
  "pull_request_review",
  "push",
  "release",
  "workflow_job",
  "workflow_run",
]);
