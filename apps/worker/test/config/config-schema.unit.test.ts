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

const longestWait = 2 ** 31 - 1;
const waits = [
  "mirrors.timeoutMs",
  "http.lingerMs",
  "webhooks.bodyTimeoutMs",
  "reconcile.leaseMs",
  "observe.pollMinMs",
  "observe.pollMaxMs",
  "audit.everyMs",
  "retention.everyMs",
  "drainMs",
];
const ages = ["retention.deliveriesMs", "retention.eventsMs", "retention.workersMs"];

/** What the schema says of one key alone. */
function problemsAt(path: string, value: number): string[] {
  const [first = "", second] = path.split(".");
  const outer = first === "mirrors" ? { directory: "mirrors" } : {};
  const config = { [first]: second === undefined ? value : { ...outer, [second]: value } };
  return problems(config).filter((line) => line.startsWith(`${path}: expected at most `));
}

test.each(waits)("%s is no longer than a timer can wait, which would be over at once", (path) => {
  expect(problemsAt(path, longestWait)).toEqual([]);
  expect(problemsAt(path, longestWait + 1)).toEqual([`${path}: expected at most 2147483647, got 2147483648`]);
});

test.each(ages)("%s is no longer than Postgres has dates", (path) => {
  expect(problemsAt(path, 1e14)).toEqual([]);
  expect(problemsAt(path, 1e14 + 1)).toEqual([
    `${path}: expected at most 100000000000000, got 100000000000001`,
  ]);
});

test("two projectors of one name are named", () => {
  expect(problems({ projectors: [pages, pages] })).toEqual([
    "projectors[1].name: expected a name that no other projector has",
  ]);
});
