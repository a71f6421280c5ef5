import { expect, test } from "vitest";
import { configSchema } from "../../src/config/config-schema.ts";
import { explainIssues } from "../../src/config/explain-issues.ts";
import { pages } from "../support/deployed.config.ts";

function problems(config: object): string[] {
  const value = { projectors: [pages], mirrors: { directory: "mirrors" }, ...config };
  const { error } = configSchema.safeParse(value);
  return error === undefined ? [] : explainIssues(error, value);
}

test("the time to end has to be longer than the time in which requests are still taken", () => {
  const wrong = ["drainMs: expected more than http.lingerMs, which is a part of it"];
  expect(problems({})).toEqual([]);
  expect(problems({ drainMs: 10_000 })).toEqual(wrong);
  expect(problems({ drainMs: 10_001 })).toEqual([]);
  expect(problems({ drainMs: 30_000, http: { lingerMs: 30_000 } })).toEqual(wrong);
  expect(problems({ drainMs: 1_000, http: { lingerMs: 0 } })).toEqual([]);
});

test("events are kept for as long as the materializer takes, and no longer", () => {
  expect(problems({ retention: { eventsMs: 1e14 } })).toEqual([]);
  expect(problems({ retention: { eventsMs: 1e14 + 1 } })).toEqual([
    "retention.eventsMs: expected at most 100000000000000, got 100000000000001",
  ]);
});
