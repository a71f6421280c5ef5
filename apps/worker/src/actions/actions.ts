import { z } from "zod";
import { mostConcurrency } from "../config/config-schema.ts";
import { requestName } from "../http/request-name.ts";
import type { WorkerContext } from "../worker-context.ts";

export type ActionContext = Pick<WorkerContext, "materializer" | "concurrency" | "bells" | "worker">;

export interface Action {
  /** Checks what was asked for, does it, and says in a sentence what happened. */
  readonly run: (context: ActionContext, request: unknown) => Promise<string>;
}

const repository = z.strictObject({ repository: requestName });
const branch = z.strictObject({ repository: requestName, branch: requestName });
const branchOrAll = z.strictObject({ repository: requestName, branch: requestName.optional() });

function action<Request>(
  schema: z.ZodType<Request>,
  perform: (context: ActionContext, request: Request) => Promise<string>,
): Action {
  return { run: async (context, request) => await perform(context, schema.parse(request)) };
}

/** What the page can ask for, by the name in `POST /actions/<name>`. */
export const actions: ReadonlyMap<string, Action> = new Map([
  [
    "sync",
    action(branchOrAll, async ({ materializer, bells }, { repository: of }) => {
      await materializer.hint({ repository: of });
      bells.hints.ring();
      return `${of} is looked at now.`;
    }),
  ],
  [
    "redrive",
    action(branchOrAll, async ({ materializer, bells }, { repository: of, branch: one }) => {
      const count = await materializer.redrive({ repository: of, ...(one !== undefined && { branch: one }) });
      bells.hints.ring();
      if (count === 0) return "Nothing had failed, so nothing is built again.";
      return count === 1 ? "One branch is built again." : `${count} branches are built again.`;
    }),
  ],
  [
    "rollback",
    action(
      branch.extend({
        to: z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "expected a commit in full"),
        reason: z.string().max(500).optional(),
      }),
      async ({ materializer, bells }, { to, reason, ...request }) => {
        const { oid } = await materializer.rollback(request, { to, ...(reason !== undefined && { reason }) });
        bells.events.ring();
        return `${request.branch} serves ${oid.slice(0, 12)} and stays there until it is unpinned.`;
      },
    ),
  ],
  [
    "unpin",
    action(branch, async ({ materializer, bells }, request) => {
      await materializer.unpin(request);
      bells.events.ring();
      return `${request.branch} serves its newest version.`;
    }),
  ],
  [
    "pause",
    action(repository, async ({ materializer }, request) => {
      await materializer.pause(request.repository);
      return `${request.repository} is paused: it is neither looked at nor built.`;
    }),
  ],
  [
    "resume",
    action(repository, async ({ materializer, bells }, request) => {
      await materializer.resume(request.repository);
      bells.hints.ring();
      return `${request.repository} goes on.`;
    }),
  ],
  [
    "confirm-deletions",
    action(repository, async ({ materializer, bells }, request) => {
      await materializer.confirmDeletions(request.repository);
      bells.hints.ring();
      return `Deletions in ${request.repository} are let through at the next look.`;
    }),
  ],
  [
    "concurrency",
    action(
      z.strictObject({ builds: z.int().min(1).max(mostConcurrency) }),
      async ({ concurrency, worker }, { builds }) => {
        concurrency.change(builds);
        return await Promise.resolve(`${worker} builds ${builds} at a time, until it is started again.`);
      },
    ),
  ],
]);
