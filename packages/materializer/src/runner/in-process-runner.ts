import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "../context.ts";
import { materialize, type Materialized } from "../build/materialize.ts";
import { observe } from "../observe/observe.ts";
import { claim } from "../queue/claim.ts";
import { hint } from "../requests/hint.ts";
import type { MaterializationRequests } from "../requests/request-materialization.ts";

/** Does the work of a request before it returns. For tests and small tools; an object that is passed, never a global. */
export interface InProcessRunner extends MaterializationRequests {
  /** Observes a repository, after whoever else does at the moment, and builds what is due of it until nothing is. */
  settle(repository: string): Promise<Materialized[]>;
}

export function inProcessRunner(
  context: Context,
  { signal }: { signal?: AbortSignal | undefined } = {},
): InProcessRunner {
  const settle = async (repository: string): Promise<Materialized[]> => {
    const done: Materialized[] = [];
    for (let again = true; again;) {
      signal?.throwIfAborted();
      const observed = await observeInTurn(context, repository, signal);
      const some = await buildDue(context, repository, signal);
      done.push(...some);
      // A commit that has left the repository says that a branch has moved on since.
      again = !observed || some.some((one) => one.outcome === "failed" && one.how === "observing");
    }
    return done;
  };
  return {
    settle,
    request: async (...messages) => {
      await hint(context.db, ...messages);
      for (const repository of new Set(messages.map((message) => message.repository)))
        await settle(repository);
    },
  };
}

/** Milliseconds between two looks whether the other observer is done. */
const BUSY_MS = 50;

/**
 * Whoever observes at the moment may have listed the repository before what was asked for had come there.
 *
 * @returns false when another observer was quicker than this one
 */
async function observeInTurn(
  context: Context,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (;;) {
    const { outcome } = await observe(context, repository, { signal });
    if (outcome !== "busy") return outcome !== "superseded";
    await pause(BUSY_MS, undefined, { signal });
  }
}

async function buildDue(
  context: Context,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<Materialized[]> {
  const done: Materialized[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const leases = await claim(context, { limit: 16, only: { repository } });
    if (leases.length === 0) return done;
    for (const lease of leases) done.push(await materialize(context, lease, { signal }));
  }
}
