import { Hono } from "hono";
import { createSurvey } from "../metrics/survey.ts";
import type { WorkerContext } from "../worker-context.ts";

/** `/metrics` in Prometheus's text format; what the database knows is at most a few seconds old in it. */
export function metricsRoutes(context: Pick<WorkerContext, "db" | "metrics" | "loops">): Hono {
  const survey = createSurvey(context);
  const { registry } = context.metrics;
  const routes = new Hono();
  return routes.get("/metrics", async (answer) => {
    await survey();
    return answer.body(await registry.metrics(), 200, { "content-type": registry.contentType });
  });
}
