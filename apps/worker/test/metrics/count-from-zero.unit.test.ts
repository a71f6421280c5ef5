import type pg from "pg";
import { expect, test } from "vitest";
import { amqpMetrics } from "../../src/amqp/amqp-metrics.ts";
import { deliveryMetrics } from "../../src/deliveries/delivery-metrics.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";

test("what alerts wait for is 0 before it first happens, so that they see its first time", async () => {
  const { registry } = createMetrics();
  deliveryMetrics(registry, {} as pg.Pool);
  amqpMetrics(registry);
  for (const [name, series] of [
    ["audits_total", ['result="equal"', 'result="different"']],
    ["deliveries_total", ['outcome="applied"', 'outcome="unknown-repository"', 'outcome="failed-try"']],
    ["amqp_messages_total", ["recorded", "repeated", "again", "invalid"].map((one) => `outcome="${one}"`)],
  ] as const) {
    const metric = await registry.getSingleMetricAsString(`headstart_worker_${name}`);
    for (const labels of series)
      expect(metric.split("\n")).toContain(`headstart_worker_${name}{${labels}} 0`);
  }
});
