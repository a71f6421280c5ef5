import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { expect, test } from "vitest";
import { scratchDatabase } from "./support/scratch-database.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");

test("the README explains every error code, and no other", () => {
  const documented = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map((match) => match[1]);
  const type = /ProjectionErrorCode =([^;]+);/.exec(read("../src/errors.ts"))?.[1] ?? "";
  const declared = [...type.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1]);
  expect(new Set(documented)).toEqual(new Set(declared));
  expect(documented).toHaveLength(declared.length);
});

test("the README's sample runs", async () => {
  await using scratch = await scratchDatabase();
  const file = new URL("readme-sample.ts", import.meta.url).pathname;
  await writeFile(file, /```ts\n([^`]+)```/.exec(readme)?.[1] ?? "");
  try {
    const args = ["--conditions=@headstart/source", "--import", "tsx", file];
    const { stdout } = await execa(process.execPath, args, { env: { DATABASE_URL: scratch.url } });
    expect(stdout).toBe("{ cents: 750 } 0");
  } finally {
    await rm(file);
  }
});

test("the public surface is what it was reviewed to be", async () => {
  const surface = Object.keys(await import("../src/index.ts")).sort();
  expect(surface).toMatchInlineSnapshot(`
    [
      "ProjectionError",
      "adoptLog",
      "changeOrdering",
      "comparePositions",
      "createBootstrap",
      "defineProjection",
      "formatMetrics",
      "formatPosition",
      "parsePosition",
      "postgresLog",
      "projectorIdentity",
      "restamp",
    ]
  `);
});
