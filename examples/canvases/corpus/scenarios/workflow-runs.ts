import type { Actor, Workflow } from "../world.ts";
import { play, type Stage } from "./stage.ts";

export interface Cause {
  readonly at: number;
  readonly actor: Actor;
  readonly branch: string;
  readonly trigger: "push" | "pull_request" | "schedule";
  readonly title: string;
}

/** A push or a pull request starts the repository's workflows; the second one not every time. */
export function playWorkflowRuns(stage: Stage, cause: Cause): void {
  for (const [index, workflow] of stage.repository.workflows.entries()) {
    if (index === 0 || stage.random.chance(40)) playRun(stage, workflow, cause);
  }
}

function playRun(stage: Stage, workflow: Workflow, cause: Cause): void {
  const { random, repository, counters } = stage;
  const run = counters.nextRun();
  const facts = {
    run,
    workflow: workflow.name,
    number: counters.nextRunNumber(repository, workflow.name),
    branch: cause.branch,
    trigger: cause.trigger,
    title: cause.title,
  };
  const { actor } = cause;
  const tell = (at: number, action: string, state: { status: string; conclusion?: string }): void => {
    play(stage, { at, event: "workflow_run", action, actor, facts: { ...facts, ...state } });
  };
  const requested = cause.at + random.between(1, 4);
  tell(requested, "requested", { status: "queued" });
  const started = requested + random.between(2, 20);
  tell(started, "in_progress", { status: "in_progress" });

  const outcomes = workflow.jobs.map((name, index) =>
    playJob(stage, { run, name, index, actor, at: requested }),
  );
  const completed = Math.max(started, ...outcomes.map((outcome) => outcome.completed)) + 1;
  const conclusion = outcomes.some((outcome) => outcome.failed) ? "failure" : "success";
  tell(completed, "completed", { status: "completed", conclusion });
}

interface Job {
  readonly run: number;
  readonly name: string;
  readonly index: number;
  readonly actor: Actor;
  readonly at: number;
}

function playJob(stage: Stage, { run, name, index, actor, at }: Job): { completed: number; failed: boolean } {
  const { random } = stage;
  const facts = { run, job: run * 8 + index, name };
  const queued = at + 1;
  const started = queued + random.between(2, 30);
  const completed = started + random.between(20, 400);
  const failed = random.chance(6);
  const runner = `runner-${random.between(1, 9)}`;
  const conclusion = failed ? "failure" : "success";
  play(stage, {
    at: queued,
    event: "workflow_job",
    action: "queued",
    actor,
    facts: { ...facts, status: "queued" },
  });
  play(stage, {
    at: started,
    event: "workflow_job",
    action: "in_progress",
    actor,
    facts: { ...facts, status: "in_progress", runner },
  });
  play(stage, {
    at: completed,
    event: "workflow_job",
    action: "completed",
    actor,
    facts: { ...facts, status: "completed", conclusion, runner },
  });
  return { completed, failed };
}
