import type { Facts } from "../activity.ts";
import type { Actor, Workflow } from "../world.ts";
import { play, type Stage } from "./stage.ts";

export interface Cause {
  readonly at: number;
  readonly actor: Actor;
  readonly branch: string;
  readonly trigger: "push" | "pull_request";
  readonly title: string;
}

/** A push or a pull request starts the repository's workflows; the second one not every time. */
export function playWorkflowRuns(stage: Stage, cause: Cause): void {
  for (const [index, workflow] of stage.repository.workflows.entries()) {
    if (index === 0 || stage.random.chance(40)) playRun(stage, workflow, cause);
  }
}

function playRun(stage: Stage, workflow: Workflow, { at, actor, branch, trigger, title }: Cause): void {
  const { random, repository, counters } = stage;
  const run = counters.nextRun();
  const number = counters.nextRunNumber(repository, workflow.name);
  const opening = { workflow: workflow.name, number, branch, trigger, title };
  const about = { stream: `run/${run}`, event: "workflow_run", actor };
  const requested = at + random.between(1, 4);
  const queued = { ...opening, status: "queued" };
  play(stage, { ...about, at: requested, action: "requested", facts: queued });
  const started = requested + random.between(2, 20);
  play(stage, { ...about, at: started, action: "in_progress", facts: { ...queued, status: "in_progress" } });

  const runner = `runner-${random.between(1, 9)}`;
  const outcomes = workflow.jobs.map((name) =>
    playJob(stage, { run, name, runner, actor, at: requested + 1, opening: queued }),
  );
  const completed = Math.max(started, ...outcomes.map((outcome) => outcome.completed)) + 1;
  const conclusion = outcomes.some((outcome) => outcome.failed) ? "failure" : "success";
  const facts = { ...queued, status: "completed", conclusion };
  play(stage, { ...about, at: completed, action: "completed", facts });
}

interface Job {
  readonly run: number;
  readonly name: string;
  readonly runner: string;
  readonly actor: Actor;
  readonly at: number;
  readonly opening: Facts;
}

function playJob(
  stage: Stage,
  { run, name, runner, actor, at, opening }: Job,
): { completed: number; failed: boolean } {
  const { random } = stage;
  const about = { stream: `run/${run}`, event: "workflow_job", actor };
  const facts = { ...opening, name };
  const started = at + random.between(2, 30);
  const completed = started + random.between(20, 400);
  const failed = random.chance(6);
  const conclusion = failed ? "failure" : "success";
  play(stage, { ...about, at, action: "queued", facts });
  const running = { ...facts, status: "in_progress", runner };
  play(stage, { ...about, at: started, action: "in_progress", facts: running });
  const ended = { ...facts, status: "completed", runner, conclusion };
  play(stage, { ...about, at: completed, action: "completed", facts: ended });
  return { completed, failed };
}
