import fc from "fast-check";
import { expect, test } from "vitest";
import { compare } from "../src/compare.ts";
import { formatManifest, hashText, parseManifest } from "../src/manifest.ts";

const manifestOf = (files: Readonly<Record<string, string>>): string =>
  formatManifest(Object.entries(files).map(([path, text]) => ({ path, sha256: hashText(text) })));

const paths = fc
  .string({ unit: "binary", minLength: 1, maxLength: 20 })
  .filter((path) => !path.includes("\0"));
const trees = fc.dictionary(paths, fc.string({ maxLength: 3 }), { maxKeys: 12, noNullPrototype: true });

test("a manifest read is the manifest written, whatever the paths", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const wellFormed = Object.fromEntries(
        Object.entries(tree).filter(([path]) => Buffer.from(path).toString() === path),
      );
      const text = manifestOf(wellFormed);
      expect(formatManifest(parseManifest(text))).toBe(text);
      expect(parseManifest(text)).toHaveLength(Object.keys(wellFormed).length);
    }),
  );
});

test.each([
  ["x", "the last line has no end"],
  ["not a manifest\n", "expected a SHA-256"],
  [`${"a".repeat(64)} one space\n`, "expected a SHA-256"],
  [`${"a".repeat(64)}  p\n${"b".repeat(64)}  p\n`, "twice"],
  [`<<<<<<< HEAD\n`, "expected a SHA-256"],
])("%j is refused with the line and the reason", (text, reason) => {
  expect(() => parseManifest(text)).toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  expect(() => parseManifest(text)).toThrow(reason);
});

test("a manifest does not differ from itself", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const text = manifestOf(
        Object.fromEntries(Object.entries(tree).filter(([path]) => Buffer.from(path).toString() === path)),
      );
      expect(compare(text, text)).toEqual({ equal: true, roots: new Map(), inputs: [] });
    }),
  );
});

test("what was added one way was removed the other way", () => {
  const before = manifestOf({ "m/1.sql": "a", "m/2.sql": "b", "data/x": "same", "@input/version": "1" });
  const after = manifestOf({
    "m/1.sql": "changed",
    "m/3.sql": "c",
    "data/y": "same",
    "@input/version": "2",
    "@input/env/SEED": "",
  });
  const forth = compare(before, after);
  const back = compare(after, before);
  expect(forth.roots.get("m")).toEqual({
    added: ["3.sql"],
    removed: ["2.sql"],
    changed: ["1.sql"],
    renamed: [],
  });
  expect(back.roots.get("m")).toEqual({
    added: ["2.sql"],
    removed: ["3.sql"],
    changed: ["1.sql"],
    renamed: [],
  });
  expect(forth.roots.get("data")?.renamed).toEqual([{ from: "x", to: "y" }]);
  expect(forth.inputs).toEqual(["env/SEED", "version"]);
});

test("each renamed file is paired once, and empty files are not", () => {
  const difference = compare(
    manifestOf({ "r/a": "twin", "r/b": "twin", "r/e": "" }),
    manifestOf({ "r/c": "twin", "r/d": "twin", "r/f": "", "r/g": "twin" }),
  ).roots.get("r");
  expect(difference?.renamed).toEqual([
    { from: "a", to: "c" },
    { from: "b", to: "d" },
  ]);
  expect(difference?.added).toEqual(["f", "g"]);
  expect(difference?.removed).toEqual(["e"]);
});
