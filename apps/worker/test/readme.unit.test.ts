import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { configSchema } from "../src/config/config-schema.ts";
import { overrides } from "../src/config/environment-overrides.ts";
import { exitCodeOfCode } from "../src/exit-codes.ts";
import { createMetrics } from "../src/metrics/metrics.ts";
import { createSurveyGauges } from "../src/metrics/survey-gauges.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { fileURLToPath } from "node:url";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

test("every error code stands beside its exit code", () => {
  for (const [code, exitCode] of Object.entries(exitCodeOfCode))
    expect(readme).toMatch(new RegExp(`^\\| ${exitCode} .*\`${code}\``, "m"));
});

test("every key of the configuration and every variable is told", () => {
  for (const key of Object.keys(configSchema.shape))
    expect(readme).toMatch(new RegExp(`^\\| \`${key}|, \`${key}\``, "m"));
  for (const part of ["http", "reconcile", "observe", "audit", "retention", "mirrors"] as const) {
    const schema = configSchema.shape[part];
    const { shape } = "unwrap" in schema ? schema.unwrap() : schema;
    for (const key of Object.keys(shape)) expect(readme, `${part}.${key}`).toContain(`\`${part}.${key}\``);
  }
  for (const key of Object.keys(configSchema.shape.repositories.unwrap().element.shape))
    expect(readme, `repositories[].${key}`).toMatch(new RegExp(`^\\| \`${key}\` `, "m"));
  for (const { variable } of overrides) expect(readme).toContain(`\`${variable}\``);
});

test("every metric of the worker's own is told", async () => {
  const { registry } = createMetrics();
  createSurveyGauges(registry);
  const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  const own = names.filter((name) => name.startsWith("headstart_worker_"));
  expect(own.length).toBeGreaterThan(10);
  for (const name of own)
    expect(readme).toMatch(new RegExp(`^\\| .*\`${name.slice("headstart_worker_".length)}[\`{]`, "m"));
});

test("the sample and the deployed example are configurations that pass", async () => {
  const example = fileURLToPath(new URL("../deploy/headstart-worker.config.mjs", import.meta.url));
  expect((await loadConfig({ configFile: example })).config.http.token).toEqual({ env: "STATUS_PAGE_TOKEN" });
});
