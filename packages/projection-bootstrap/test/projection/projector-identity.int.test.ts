import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineProjection, type ProjectionDefinition } from "../../src/projection/define-projection.ts";
import { projectorIdentity } from "../../src/projection/projector-identity.ts";

const sources = {
  "totals.ts": `import { z } from "zod";
import { amountOf } from "./amount.ts";
import { scale } from "@team/scale";

/** Sums. */
export const totals = {
  apply: (state: { sum: number }, event: { data: unknown }) => ({ sum: state.sum + scale * amountOf(event.data) }),
  schema: z.object({ sum: z.number() }),
};
`,
  "amount.ts": `export function amountOf(data: unknown): number {
  return (data as { amount: number }).amount; // as it is
}
`,
  "team/index.ts": "export const scale = 1;\n",
  "team/package.json":
    '{ "name": "@team/scale", "version": "1.0.0", "type": "module", "exports": "./index.ts" }\n',
};

type File = keyof typeof sources;

describe("a projector's identity", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(import.meta.dirname, "sources-"));
    await mkdir(join(folder, "team"));
    for (const [name, text] of Object.entries(sources)) await writeFile(join(folder, name), text);
    await mkdir(join(folder, "node_modules/@team"), { recursive: true });
    await symlink("../../team", join(folder, "node_modules/@team/scale"));
    await cp(join(import.meta.dirname, "../../node_modules/zod/package.json"), join(folder, "unused.json"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function identity(changes: Partial<ProjectionDefinition<{ sum: number }>> = {}): Promise<string> {
    return await projectorIdentity(
      defineProjection<{ sum: number }>({
        name: "totals",
        source: pathToFileURL(join(folder, "totals.ts")).href,
        key: ({ stream }) => stream,
        schema: z.object({ sum: z.number() }),
        init: () => ({ sum: 0 }),
        apply: (state) => state,
        ...changes,
      }),
    );
  }

  async function edit(file: File, from: string, to: string): Promise<void> {
    const text = await readFile(join(folder, file), "utf8");
    expect(text).toContain(from);
    await writeFile(join(folder, file), text.replace(from, to));
  }

  it("is the same each time", async () => {
    expect(await identity()).toBe(await identity());
    expect(await identity()).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, File, string, string]>([
    ["a comment", "totals.ts", "/** Sums. */", "/** Adds everything up. */"],
    ["a comment in an import", "amount.ts", " // as it is", ""],
    ["formatting", "totals.ts", "({ sum: state.sum +", "({\n    sum: state.sum\n      +"],
    ["a type", "amount.ts", "data: unknown", "data: object"],
  ])("stays when %s changes", async (_what, file, from, to) => {
    const before = await identity();
    await edit(file, from, to);
    expect(await identity()).toBe(before);
  });

  it.each<[string, File, string, string]>([
    ["the fold", "totals.ts", "state.sum +", "state.sum -"],
    ["a text with what looks like a comment", "totals.ts", "state.sum +", '"/* */".length + state.sum +'],
    ["what it imports", "amount.ts", ".amount;", ".amount * 2;"],
    ["a linked package of the workspace", "team/index.ts", "1", "2"],
  ])("changes with %s", async (_what, file, from, to) => {
    const before = await identity();
    await edit(file, from, to);
    expect(await identity()).not.toBe(before);
  });

  it("changes with the schema, the types and the mode, wherever they were defined", async () => {
    const all = await Promise.all([
      identity(),
      identity({ schema: z.object({ sum: z.number().min(0) }) }),
      identity({ types: ["added"] }),
      identity({ mode: "inline" }),
    ]);
    expect(new Set(all).size).toBe(4);
  });

  it("does not depend on where the project lies", async () => {
    const before = await identity();
    const moved = await mkdtemp(join(import.meta.dirname, "sources-"));
    try {
      await cp(folder, moved, { recursive: true, verbatimSymlinks: true });
      [folder] = [moved, await rm(folder, { recursive: true })];
      expect(await identity()).toBe(before);
    } finally {
      await rm(moved, { recursive: true, force: true });
    }
  });

  it("says what to do when the source cannot be read", async () => {
    await expect(identity({ source: "file:///nowhere/at-all.ts" })).rejects.toMatchObject({
      code: "IDENTITY_UNAVAILABLE",
      hint: expect.stringContaining("identity") as string,
    });
  });

  it("is asked again after it could not be read", async () => {
    const projection = defineProjection<{ sum: number }>({
      name: "totals",
      source: pathToFileURL(join(folder, "late.ts")).href,
      key: ({ stream }) => stream,
      schema: z.object({ sum: z.number() }),
      init: () => ({ sum: 0 }),
      apply: (state) => state,
    });
    await expect(projectorIdentity(projection)).rejects.toMatchObject({ code: "IDENTITY_UNAVAILABLE" });
    await writeFile(join(folder, "late.ts"), "export const late = 1;\n");
    expect(await projectorIdentity(projection)).toMatch(/^[0-9a-f]{64}$/);
  });
});
