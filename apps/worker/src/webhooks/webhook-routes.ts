import { Hono } from "hono";
import type { WorkerContext } from "../worker-context.ts";
import type { BodyBudget } from "./read-body.ts";
import { receiveWebhook, type Receipt } from "./receive-webhook.ts";
import { Refusal } from "./refusal.ts";
import { webhookMetrics } from "./webhook-metrics.ts";

/** Largest bodies that are read at the same time. */
const LARGEST_AT_ONCE = 4;

const statuses = { taken: 202, ignored: 202, repeated: 200, pong: 200 } as const satisfies Record<
  Receipt["outcome"],
  number
>;

/**
 * `POST /webhooks/:source`. Answers 202 once the delivery is durable, 200 to tests and repeats, and otherwise
 * `{ error: { code, message, hint } }`, after which nothing has changed.
 */
export function webhookRoutes(context: WorkerContext): Hono {
  const { sources, maxBodyBytes } = context.config.webhooks;
  const metrics = webhookMetrics(context.metrics.registry);
  const budget: BodyBudget = { maxBytes: LARGEST_AT_ONCE * maxBodyBytes, used: 0 };
  const app = new Hono();
  app.post("/webhooks/:source", async ({ req, json }) => {
    const began = performance.now();
    const name = req.param("source");
    const configured = Object.hasOwn(sources, name) ? sources[name] : undefined;
    const forge = configured?.forge ?? "unknown";
    const answered = (outcome: string): void => {
      metrics.answers.inc({ forge, outcome });
      metrics.seconds.observe({ forge }, (performance.now() - began) / 1000);
    };
    try {
      if (configured === undefined) throw unknownSource();
      const source = { ...configured, name };
      const receipt = await receiveWebhook(context, { request: req.raw, source, budget });
      answered(receipt.outcome);
      return json(receipt, statuses[receipt.outcome]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answered(error.code);
      const level = error.status === 503 ? "error" : "warn";
      // A name that nobody configured may be anything, and as long as a path.
      context.log[level]("webhook.refused", { source: configured && name, code: error.code, error });
      return json(describe(error), error.status, error.status === 503 ? { "retry-after": "5" } : {});
    }
  });
  app.all("/webhooks/:source", ({ json }) => {
    const refusal = new Refusal("METHOD_NOT_ALLOWED", "Webhooks are taken by POST.");
    return json(describe(refusal), refusal.status, { allow: "POST" });
  });
  return app;
}

function unknownSource(): Refusal {
  return new Refusal("SOURCE_UNKNOWN", "No source of webhooks has this name.", {
    hint: "The path is /webhooks/<name>, with a name of webhooks.sources in the worker's configuration.",
  });
}

function describe({ code, message, hint }: Refusal): object {
  return { error: { code, message, ...(hint !== undefined && { hint }) } };
}
