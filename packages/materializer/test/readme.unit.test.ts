import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import * as surface from "../src/index.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

test("every error code is explained, and no other", async () => {
  const source = await readFile(new URL("../src/errors.ts", import.meta.url), "utf8");
  const codes = new Set([...source.matchAll(/\| "([A-Z_]+)"/g)].map((match) => match[1]));
  codes.add(new surface.ProjectorDefinitionError("", "").code);
  const table = readme.slice(readme.indexOf("## Errors"));
  const explained = new Set([...table.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map((match) => match[1]));
  expect(explained).toEqual(codes);
});

test("every setting is in the table of options", async () => {
  const source = await readFile(new URL("../src/context.ts", import.meta.url), "utf8");
  const settings = [
    ...source.slice(source.indexOf("export interface Settings")).matchAll(/readonly (\w+): number/g),
  ];
  expect(settings.length).toBeGreaterThan(3);
  for (const [, name] of settings) expect(readme).toContain(`\`settings.${name}\``);
});

test("the public surface is what it was decided to be", () => {
  expect(Object.keys(surface).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    "EVENT_CHANNEL",
    "GitError",
    "HINT_CHANNEL",
    "MaterializerError",
    "ProjectorDefinitionError",
    "branchStatus",
    "createMaterializer",
    "databaseRequests",
    "defineProjector",
    "migrate",
    "newDraftBranchName",
    "nextPollMs",
    "repositoryBranchUpdated",
    "requestMaterialization",
    "versionUpdated",
  ]);
});
