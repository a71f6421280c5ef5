import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf, manifestBytes, parseManifest } from "../src/manifest.ts";
import { trees } from "./trees.ts";
import { writeManifest } from "./write-manifest.ts";

const a = "a".repeat(64);

test("a manifest read is the manifest written, whatever the paths", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const manifest = writeManifest(tree);
      const entries = parseManifest(manifest);
      expect(new Set(entries.map(({ path }) => path))).toEqual(new Set(Object.keys(tree)));
      expect(parseManifest(manifestBytes(manifest))).toEqual(entries);
      expect(digestOf(manifestBytes(manifest))).toBe(digestOf(manifest));
    }),
  );
});

test.each([
  ["x", "the last line has no end"],
  ["not a manifest\n", "expected a SHA-256"],
  [`${a} one space\n`, "expected a SHA-256"],
  [`${a.toUpperCase()}  p\n`, "expected a SHA-256"],
  [`${a}  \n`, "expected a SHA-256"],
  [`${a}  p\n\n`, "expected a SHA-256"],
  ["<<<<<<< HEAD\n", "expected a SHA-256"],
  [`${a}  r/p\n${a}  r/p\n`, "twice"],
  [`${a}  r/q\n${a}  r/p\n`, "not in the order"],
  [`${a}  r/\uffee\n${a}  r/a\n`, "not in the order"],
  [`${a}  r/a\\b\n`, "as sha256sum writes it"],
  [`\\${a}  r/plain\n`, "as sha256sum writes it"],
  [`\\${a}  r/a\\tb\n`, "as sha256sum writes it"],
  [`${a}  r/a\rb\n`, "as sha256sum writes it"],
  [`${a}  r/\udce2\udc82\udcac\n`, "as sha256sum writes it"],
  [`${a}  r/\ud800\n`, "as sha256sum writes it"],
  [`${a}  r/../../etc/passwd\n`, "cannot be the path"],
  [`${a}  /etc/passwd\n`, "cannot be the path"],
  [`${a}  r//p\n`, "cannot be the path"],
  [`${a}  r/p\0\n`, "cannot be the path"],
  [`${a}  @input/\n`, "cannot be the path"],
])("%j is refused with the line and the reason", (text, reason) => {
  expect(() => parseManifest(text)).toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  expect(() => parseManifest(text)).toThrow(reason);
  expect(() => parseManifest(text)).toThrow(/line [12] of/);
});

test("what is read is what could have been written, whatever stands in the text", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string().map((path) => `${a}  ${path}\n`),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      try {
        const tree = Object.fromEntries(parseManifest(text).map(({ path }) => [path, ""]));
        expect(writeManifest(tree).replace(/^(\\?)[0-9a-f]{64}/, `$1${a}`)).toBe(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "MANIFEST_INVALID" });
      }
    }),
    { examples: [[""], [`${a}  __proto__\n`], [`${a}  @input/a//b\n`]] },
  );
});
