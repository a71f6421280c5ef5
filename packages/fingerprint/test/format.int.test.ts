import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fingerprint } from "../src/fingerprint.ts";
import { digestOf, manifestBytes } from "../src/manifest.ts";
import { folder } from "./folder.ts";

/** The manifest as coreutils make it: the tools sort the names, then hash the files in that order. */
function coreutilsManifest(root: string): Buffer {
  const script = `find -L "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum --`;
  return execFileSync("bash", ["-c", script, "-", basename(root)], { cwd: dirname(root) });
}

function sha256sum(input: Uint8Array): string {
  return execFileSync("sha256sum", { input }).toString().slice(0, 64);
}

/** Names as Linux has them: any bytes but the slash and NUL. */
const names = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"))
  .filter((name) => !/[/\0]|^\.\.?$|^\.git$/.test(name));
const plainNames = fc.constantFrom(
  "a",
  "a-b",
  "a.b",
  "a b",
  "B",
  "é",
  "e\u0301",
  "😀",
  "\uffee",
  "\n",
  "\\",
  "\r",
);
const paths = fc.array(fc.oneof(names, plainNames), { minLength: 1, maxLength: 3 });

test("F1: coreutils make the same manifest and digest, whatever bytes the names are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(paths, fc.string()), { minLength: 1, maxLength: 12 }),
      async (files) => {
        using outer = folder();
        const root = join(outer.path, "r");
        mkdirSync(root);
        writeFileSync(join(root, "always"), "");
        for (const [path, content] of files) writeBytes(root, path, content);
        const { digest, manifest } = await fingerprint({ roots: { r: root } });
        const theirs = coreutilsManifest(root);
        expect(Buffer.from(manifestBytes(manifest))).toEqual(theirs);
        expect([digest, digestOf(manifest)]).toEqual([sha256sum(theirs), digest]);
      },
    ),
    { numRuns: 30 },
  );
});

/** Where a name is taken by a folder, or a folder's by a file, there is nothing to write. */
function writeBytes(root: string, path: readonly string[], content: string): void {
  const bytes = Buffer.concat([
    Buffer.from(root),
    ...path.flatMap((name) => [Buffer.from("/"), nameBytes(name)]),
  ]);
  const above = bytes.subarray(0, bytes.lastIndexOf("/"));
  try {
    mkdirSync(above, { recursive: true });
    writeFileSync(bytes, content);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toMatch(/EEXIST|EISDIR|ENOTDIR/);
  }
}

function nameBytes(name: string): Buffer {
  return /[\u0100-\uffff]/.test(name) ? Buffer.from(name) : Buffer.from(name, "latin1");
}

test("F1: roots and inputs stand together in the order of their bytes, however they were given", async () => {
  using files = folder({ "x/f": "1", "only.json": "2" });
  const [tree, file] = [join(files.path, "x"), join(files.path, "only.json")];
  const one = await fingerprint({
    roots: { "a.b": file, a: tree, "0": tree, é: tree },
    inputs: { version: "1", "env/A": "" },
  });
  const two = await fingerprint({
    roots: { é: tree, "0": tree, a: tree, "a.b": file },
    inputs: { "env/A": "", version: "1" },
  });
  expect(two).toEqual(one);
  const order = one.manifest
    .trimEnd()
    .split("\n")
    .map((line) => line.slice(66));
  expect(order).toEqual(["0/f", "@input/env/A", "@input/version", "a.b", "a/f", "é/f"]);
});

test("F1: composed and decomposed names, and names in another case, are different names", async () => {
  using composed = folder({ é: "" });
  using decomposed = folder({ "e\u0301": "" });
  using capital = folder({ É: "" });
  const digests = [composed, decomposed, capital].map(
    async ({ path }) => (await fingerprint({ roots: { r: path } })).digest,
  );
  expect(new Set(await Promise.all(digests)).size).toBe(3);
});

test("a name that is no UTF-8 survives the text of the manifest and JSON", async () => {
  using files = folder({ a: "1" });
  writeFileSync(Buffer.concat([Buffer.from(`${files.path}/bad-`), Buffer.from([0xff, 0xfe])]), "");
  const { manifest, digest } = await fingerprint({ roots: { r: files.path } });
  expect(manifest).toContain("r/bad-\udcff\udcfe\n");
  expect(digestOf(JSON.parse(JSON.stringify(manifest)) as string)).toBe(digest);
  expect(Buffer.from(manifestBytes(manifest)).includes(Buffer.from([0x2d, 0xff, 0xfe, 0x0a]))).toBe(true);
});

test("inputs that no UTF-8 text can state are refused", async () => {
  const refused = { code: "INPUT_INVALID" };
  await expect(fingerprint({ roots: {}, inputs: { "": "x" } })).rejects.toMatchObject(refused);
  await expect(fingerprint({ roots: {}, inputs: { "a\0": "x" } })).rejects.toMatchObject(refused);
  await expect(fingerprint({ roots: {}, inputs: { "\ud800": "x" } })).rejects.toMatchObject(refused);
  await expect(fingerprint({ roots: {}, inputs: { a: "\udfff" } })).rejects.toMatchObject(refused);
  await expect(fingerprint({ roots: {}, inputs: {} })).rejects.toMatchObject({ code: "NOTHING_SELECTED" });
});
