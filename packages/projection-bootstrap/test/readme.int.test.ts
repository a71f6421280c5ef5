import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

test("the README's samples type-check, and the first one runs", async () => {
  await using scratch = await scratchDatabase();
  const samples = [...readme.matchAll(/```ts\n([^`]+)```/g)].map(([, code]) => code ?? "");
  expect(samples).toHaveLength(2);
  // Beside the package's own files, so that they find it by its name.
  const directory = new URL("readme-samples/", import.meta.url).pathname;
  await mkdir(directory, { recursive: true });
  try {
    const compilerOptions = { noUnusedLocals: false };
    const project = { extends: "../../tsconfig.json", include: ["*.ts"], compilerOptions };
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify(project));
    for (const [index, code] of samples.entries()) await writeFile(join(directory, `${index}.ts`), code);
    await execa("tsc", ["--project", directory], { preferLocal: true });
    const args = ["--conditions=@headstart/source", "--import", "tsx", join(directory, "0.ts")];
    const { stdout } = await execa(process.execPath, args, { env: { DATABASE_URL: scratch.url } });
    expect(stdout).toBe("{ cents: 750 } 0");
  } finally {
    await rm(directory, { recursive: true });
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
