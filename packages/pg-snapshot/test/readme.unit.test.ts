import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("the README explains every error code, and no other", () => {
  const documented = [...read("../README.md").matchAll(/^\| `([A-Z_]+)` +\|/gm)].map((match) => match[1]);
  const type = /PgSnapshotErrorCode =([^;]+);/.exec(read("../src/errors.ts"))?.[1] ?? "";
  const declared = [...type.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1]);
  expect(new Set(documented)).toEqual(new Set(declared));
  expect(documented).toHaveLength(declared.length);
});

test("the public surface is what it was reviewed to be", async () => {
  const surface = Object.keys(await import("../src/index.ts")).sort();
  expect(surface).toMatchInlineSnapshot(`
    [
      "InputsChangedError",
      "PgSnapshotError",
      "applyPrune",
      "cacheDirectory",
      "checkCloneName",
      "checkSnapshot",
      "compareDatabases",
      "databaseUrl",
      "describeServer",
      "directoryStore",
      "dropDatabaseByName",
      "embeddedServerStatus",
      "explainSqlError",
      "findPostgres",
      "findTool",
      "inspectServer",
      "inventory",
      "listPostgres",
      "listTools",
      "planPrune",
      "prepare",
      "requirement",
      "resolveConnection",
      "startEmbeddedServer",
      "stopEmbeddedServer",
      "stripRule",
      "verify",
    ]
  `);
});
