import fc from "fast-check";
import { expect, test } from "vitest";
import { compare } from "../src/compare.ts";
import { writeManifest } from "./write-manifest.ts";

const segment = fc
  .string({ unit: "binary", minLength: 1, maxLength: 8 })
  .filter((name) => !/[/\0]|^\.\.?$|\p{Surrogate}/u.test(name));
const paths = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const trees = fc.dictionary(paths, fc.string({ maxLength: 3 }), { maxKeys: 12, noNullPrototype: true });

test("a manifest does not differ from itself", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const text = writeManifest(tree);
      expect(compare(text, text)).toEqual({ equal: true, roots: new Map(), inputs: [] });
    }),
  );
});

test("what was added one way was removed the other way", () => {
  const before = writeManifest({ "m/1.sql": "a", "m/2.sql": "b", "data/x": "same", "@input/version": "1" });
  const after = writeManifest({
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
    writeManifest({ "r/a": "twin", "r/b": "twin", "r/e": "" }),
    writeManifest({ "r/c": "twin", "r/d": "twin", "r/f": "", "r/g": "twin" }),
  ).roots.get("r");
  expect(difference?.renamed).toEqual([
    { from: "a", to: "c" },
    { from: "b", to: "d" },
  ]);
  expect(difference?.added).toEqual(["f", "g"]);
  expect(difference?.removed).toEqual(["e"]);
});
