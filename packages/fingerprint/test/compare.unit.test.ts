import fc from "fast-check";
import { expect, test } from "vitest";
import { compare } from "../src/compare.ts";
import { trees } from "./trees.ts";
import { writeManifest } from "./write-manifest.ts";

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

test("a difference names every path that differs, once, and each way round tells the same", () => {
  fc.assert(
    fc.property(trees, trees, (one, two) => {
      const [before, after] = [writeManifest(one), writeManifest(two)];
      const forth = namedPaths(compare(before, after));
      const back = namedPaths(compare(after, before));
      const differing = [...new Set([...Object.keys(one), ...Object.keys(two)])].filter(
        (path) => !Object.hasOwn(one, path) || !Object.hasOwn(two, path) || one[path] !== two[path],
      );
      expect(forth.toSorted(byText)).toEqual(differing.toSorted(byText));
      expect(back.toSorted(byText)).toEqual(forth.toSorted(byText));
      expect(compare(before, after).equal).toBe(before === after);
    }),
  );
});

function namedPaths({ roots, inputs }: ReturnType<typeof compare>): string[] {
  const files = [...roots].flatMap(([root, { added, removed, changed, renamed }]) =>
    [...added, ...removed, ...changed, ...renamed.flatMap(({ from, to }) => [from, to])].map((path) =>
      // A root that is a single file has no path below it.
      path === root ? root : `${root}/${path}`,
    ),
  );
  return [...files, ...inputs.map((name) => `@input/${name}`)];
}

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

test("roots and files may be called what objects have built in", () => {
  const difference = compare("", writeManifest({ "__proto__/constructor": "1", "toString/__proto__": "2" }));
  expect([...difference.roots.keys()]).toEqual(["__proto__", "toString"]);
  expect(difference.roots.get("__proto__")?.added).toEqual(["constructor"]);
});
