import { readFile } from "node:fs/promises";
import { versionUpdated } from "@headstart/materializer";
import { Registry } from "prom-client";
import type pg from "pg";
import { expect, test } from "vitest";
import { amqpMetrics } from "../../src/amqp/amqp-metrics.ts";
import { deliveryMetrics } from "../../src/deliveries/delivery-metrics.ts";
import { refusalStatuses } from "../../src/webhooks/refusal.ts";
import { webhookMetrics } from "../../src/webhooks/webhook-metrics.ts";
import { forgeNames, webhooksConfig } from "../../src/webhooks/webhooks-config.ts";
import { amqpConfig } from "../../src/amqp/amqp-config.ts";

const page = await readFile(new URL("../../docs/intake.md", import.meta.url), "utf8");
const migration = await readFile(new URL("../../migrations/0002-deliveries.sql", import.meta.url), "utf8");

test("the page lists every refusal with its status, and no other", () => {
  const listed = [...page.matchAll(/^\| `([A-Z_]+)` +\| (\d{3}) +\|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  expect(Object.fromEntries(listed)).toEqual(refusalStatuses);
});

test("the page lists every outcome that the table allows", () => {
  const allowed = /outcome in \(([^)]*)\)/.exec(migration)?.[1]?.match(/[a-z-]+/g);
  const section = page.slice(page.indexOf("## Deliveries"), page.indexOf("## RabbitMQ"));
  expect([...section.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, outcome]) => outcome)).toEqual(allowed);
});

test("the page lists every metric of the intake by its name", () => {
  const registry = new Registry();
  webhookMetrics(registry);
  deliveryMetrics(registry, {} as pg.Pool);
  amqpMetrics(registry);
  const listed = [...page.matchAll(/^\| `(headstart_worker_\w+)/gm)].map(([, name]) => name);
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  expect(new Set(listed)).toEqual(new Set([...names, "headstart_worker_loop_healthy"]));
});

test("the page names every forge and the defaults", () => {
  for (const forge of forgeNames) expect(page).toContain(`\`${forge}\``);
  const { maxBodyBytes, bodyTimeoutMs } = webhooksConfig.parse({});
  const { exchange, queue, prefetch } = amqpConfig.parse({ url: { env: "AMQP_URL" } });
  for (const [key, value] of Object.entries({ maxBodyBytes, bodyTimeoutMs, prefetch }))
    expect(page).toMatch(new RegExp(`^\\| \`${key}\` +\\| ${value} +\\|`, "m"));
  for (const [key, value] of Object.entries({ exchange, queue }))
    expect(page).toMatch(new RegExp(`^\\| \`${key}\` +\\| \`${value}\` +\\|`, "m"));
});

test("the page tells every key of what is published, every event, and how a source may be called", () => {
  const section = page.slice(page.indexOf("**Out.**"), page.indexOf("## Metrics"));
  for (const key of Object.keys(versionUpdated.shape))
    expect(section).toMatch(new RegExp(`^\\| (\`\\w+\`, )?\`${key}\``, "m"));
  for (const event of versionUpdated.shape.event.options) expect(section).toContain(`\`${event}\``);
  const source = { forge: "github", secrets: [{ env: "SECRET" }] };
  const isTaken = (name: string): boolean =>
    webhooksConfig.safeParse({ sources: { [name]: source } }).success;
  expect(["a", "our-github", "9", "a".repeat(63)].filter((name) => !isTaken(name))).toEqual([]);
  expect(["amqp", "-a", "Our", "a_b", "a".repeat(64)].filter(isTaken)).toEqual([]);
});
