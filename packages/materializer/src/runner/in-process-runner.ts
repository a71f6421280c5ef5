import type { Context } from "../context.ts";
import { materialize, type Materialized } from "../build/materialize.ts";
import { observe } from "../observe/observe.ts";
import { claim } from "../queue/claim.ts";
import { hint } from "../requests/hint.ts";
import type { MaterializationRequests } from "../requests/request-materialization.ts";

/** Does the work of a request before it returns. For tests and small tools; an object that is passed, never a global. */
export interface InProcessRunner extends MaterializationRequests {
  /** Observes a repository and builds whatever is due, until nothing is. */
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
      const { outcome } = await observe(context, repository, { signal });
      const leases = await claim(context, { limit: 16 });
      for (const lease of leases) done.push(await materialize(context, lease, { signal }));
      again = leases.length > 0 || outcome === "superseded";
    }
    return done;
  };
  return {
    settle,
    request: async (message) => {
      await hint(context.db, message);
      await settle(message.repository);
    },
  };
}
