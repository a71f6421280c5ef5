import { Counter, Histogram, type Registry } from "prom-client";

/** Sources are many and named by users; forges are five. */
export function webhookMetrics(registry: Registry) {
  const registers = [registry];
  return {
    answers: new Counter({
      name: "headstart_worker_webhooks_total",
      help: "Webhooks answered, by forge and outcome: taken, ignored, repeated, pong, or the code of a refusal.",
      labelNames: ["forge", "outcome"],
      registers,
    }),
    seconds: new Histogram({
      name: "headstart_worker_webhook_seconds",
      help: "From the headers of a webhook to its answer.",
      labelNames: ["forge"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
  };
}
