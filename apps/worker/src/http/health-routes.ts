import { Hono } from "hono";
import type pg from "pg";
import { databaseProbe } from "../database/database-probe.ts";
import type { Readiness } from "../lifecycle/readiness.ts";
import type { LoopBoard } from "../loops/loop-board.ts";

export interface Health {
  readonly readiness: Readiness;
  /** Absent when the worker is disabled. */
  readonly loops?: LoopBoard;
  readonly db?: pg.Pool;
}

/**
 * `/healthz`: the process lives and its loops turn; a restart would mend what it says no to. `/readyz`: it is at
 * work, and the database answers.
 */
export function healthRoutes({ readiness, loops, db }: Health): Hono {
  const answers = db === undefined ? async () => true : databaseProbe(db);
  const routes = new Hono();
  routes.get("/healthz", (context) => {
    const stuck = (loops?.report() ?? []).filter((report) => report.stuck).map(({ loop }) => loop);
    context.header("cache-control", "no-store");
    return stuck.length === 0
      ? context.json({ status: "ok" })
      : context.json({ status: "stuck", stuck }, 503);
  });
  routes.get("/readyz", async (context) => {
    const { state, reason } = readiness;
    context.header("cache-control", "no-store");
    if (state !== "ready") return context.json({ status: state, ...(reason && { reason }) }, 503);
    if (await answers()) return context.json({ status: "ready" });
    return context.json({ status: "waiting", reason: "The database does not answer." }, 503);
  });
  return routes;
}
