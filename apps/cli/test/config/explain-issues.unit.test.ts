import { expect, test } from "vitest";
import { configSchema } from "../../src/config/config-schema.ts";
import { explainIssues } from "../../src/config/explain-issues.ts";

function explain(value: unknown): string[] {
  const parsed = configSchema.safeParse(value);
  return parsed.success ? [] : explainIssues(configSchema, parsed.error, value);
}

const app = { inputs: { migrations: "migrations" }, build: { command: ["true"] } };

function explainTarget(target: object): string[] {
  return explain({ targets: { app: { ...app, ...target } } });
}

test("a configuration that is right has no issues", () => {
  expect(explainTarget({})).toEqual([]);
  expect(
    explainTarget({
      version: "2",
      inputs: {
        corpus: { path: "corpus", include: ["**/*.json"], exclude: ["x"], gitignore: true, eol: "lf" },
      },
      environment: ["SEED"],
      build: async () => undefined,
      strip: [{ truncate: "jobs" }, { nullColumns: { table: "events", columns: ["payload"] } }],
      require: [{ table: "events", rows: 1 }],
      snapshot: { directory: "snapshots", save: "after-build", warnAboveBytes: 1 },
    }),
  ).toEqual([]);
});

test("an unknown key is named with the one that was meant", () => {
  expect(explain({ target: {} })).toEqual([
    "targets: expected an object, got nothing",
    'target: no such key; did you mean "targets"?',
  ]);
  expect(explainTarget({ snapshots: { directory: "x" } })).toEqual([
    'targets.app.snapshots: no such key; did you mean "snapshot"?',
  ]);
  expect(explainTarget({ snapshot: { dir: "x" } })).toEqual([
    "targets.app.snapshot.directory: expected a text, got nothing",
    "targets.app.snapshot.dir: no such key; expected one of directory, save, warnAboveBytes",
  ]);
  expect(explainTarget({ inputs: { corpus: { path: "x", inclde: ["y"] } } })).toEqual([
    'targets.app.inputs.corpus.inclde: no such key; did you mean "include"?',
  ]);
});

test("a value of another kind is told with what was expected and what was found", () => {
  expect(explain([])).toEqual(["the whole file: expected an object, got an empty list"]);
  expect(explain(undefined)).toEqual(["the whole file: expected an object, got nothing"]);
  expect(explainTarget({ version: true })).toEqual([
    "targets.app.version: expected a number or a text, got true",
  ]);
  expect(explainTarget({ inputs: "migrations" })).toEqual([
    'targets.app.inputs: expected an object, got "migrations"',
  ]);
  expect(explainTarget({ inputs: { "my corpus": 5 } })).toEqual([
    'targets.app.inputs["my corpus"]: expected a path or { path, include, exclude, … }, got 5',
  ]);
  expect(explainTarget({ snapshot: { directory: "x", save: "always" } })).toEqual([
    'targets.app.snapshot.save: expected "on-request" or "after-build", got "always"',
  ]);
  expect(explainTarget({ environment: ["SEED EVENTS"] })).toEqual([
    'targets.app.environment[0]: expected the name of a variable, got "SEED EVENTS"',
  ]);
  expect(explainTarget({ build: "npm run seed" })).toEqual([
    'targets.app.build: expected { command: ["program", "argument"] } or a function, got "npm run seed"',
  ]);
});

test("of several kinds of rule the one that was meant is explained", () => {
  expect(explainTarget({ strip: [{ truncat: "jobs" }] })).toEqual([
    expect.stringMatching(
      /^targets\.app\.strip\[0\]: expected one of .* got \{ truncat \}; did you mean "truncate"\?$/,
    ),
  ]);
  expect(explainTarget({ strip: [{ nullColumns: { table: "events" } }] })).toEqual([
    "targets.app.strip[0].nullColumns.columns: expected a list, got nothing",
  ]);
});

test("a table that no database can have and a number that makes no sense are told", () => {
  const table = "expected a table name: table or schema.table, got";
  expect(
    explainTarget({
      strip: [{ truncate: "a.b.c" }, { deleteWhere: { table: "", where: "true" } }],
      require: [{ table: "a.b.c" }, { table: "jobs", rows: -1 }, { table: "jobs", rows: 1.5 }],
      snapshot: { directory: "x", warnAboveBytes: 0 },
      deadlineMs: 0,
    }),
  ).toEqual([
    `targets.app.strip[0].truncate: ${table} "a.b.c"`,
    `targets.app.strip[1].deleteWhere.table: ${table} ""`,
    `targets.app.require[0].table: ${table} "a.b.c"`,
    "targets.app.require[1].rows: expected a number from 0 on, got -1",
    "targets.app.require[2].rows: expected a whole number, got 1.5",
    "targets.app.snapshot.warnAboveBytes: expected a number above 0, got 0",
    "targets.app.deadlineMs: expected a number above 0, got 0",
  ]);
});

test("the name of a target is one that can be shown and sent", () => {
  expect(explain({ targets: { "a\0b": app } })).toEqual([
    "targets: expected names without control characters, got an object",
  ]);
});

test("an address is never repeated, for it may hold a password", () => {
  const problems = explain({ server: { url: "mysql://root:hunter2@localhost" }, targets: { app } });
  expect(problems).toEqual([
    "server.url: expected an address that starts with postgres://, got another text",
  ]);
});

test("a configuration without targets or inputs says so", () => {
  expect(explain({ targets: {} })).toEqual(["targets: expected at least one target, got an object"]);
  expect(explainTarget({ inputs: {} })).toEqual([
    "targets.app.inputs: expected at least one named input, got an object",
  ]);
});
