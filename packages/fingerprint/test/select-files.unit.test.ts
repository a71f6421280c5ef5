import fc from "fast-check";
import picomatch from "picomatch";
import { expect, test } from "vitest";
import { selection } from "../src/select-files.ts";

/** Characters that end a line for a regular expression, and that a name may have all the same. */
const lineEnds = ["\n", "\r", "\u2028", "\u2029"];
/** A character that no glob below names. */
const ordinary = "z";

const globs = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      ".",
      "*",
      "**",
      "?",
      "/",
      "/**/",
      "**/",
      "/**",
      "[!a]",
      "[^b]",
      "!(a)",
      "+(?)",
      "@(a|*)",
      "{a,*}",
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.join(""))
  .filter((glob) => !glob.startsWith("/"));
const lists = fc.array(
  fc.tuple(fc.boolean(), globs).map(([negated, glob]) => (negated ? `!${glob}` : glob)),
  { minLength: 1, maxLength: 3 },
);
const segment = fc
  .array(fc.constantFrom("a", "b", ".", ...lineEnds), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""))
  .filter((name) => name !== "." && name !== "..");
const paths = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const plain = (path: string): string => path.replaceAll(/[\n\r\u2028\u2029]/g, ordinary);

test("a glob takes a line's end in a name as any other character", () => {
  fc.assert(
    fc.property(lists, fc.array(globs, { maxLength: 2 }), paths, (include, exclude, path) => {
      const selected = selection({ include, exclude });
      const verdict = (name: string): boolean[] => [selected.selects(name), selected.prunes(name)];
      expect(verdict(path)).toEqual(verdict(plain(path)));
    }),
    { numRuns: 5_000 },
  );
});

test("names without line ends are matched as picomatch does by itself", () => {
  fc.assert(
    fc.property(globs, paths, (glob, path) => {
      const name = plain(path);
      const matches = picomatch(glob, { dot: true, nonegate: true, windows: false });
      fc.pre(!glob.endsWith("/") && !/^!(?!\()/.test(glob));
      expect(selection({ include: [glob] }).selects(name)).toBe(matches(name));
    }),
    { numRuns: 5_000 },
  );
});

test.each(lineEnds)("%j: what lies below a folder is selected, and left out, with all its names", (end) => {
  const path = `src/a${end}b/c${end}`;
  expect(selection({ include: ["src/**"] }).selects(path)).toBe(true);
  expect(selection({ exclude: ["src/**"] }).selects(path)).toBe(false);
  expect(selection({ exclude: ["**/*b/"] }).prunes(`src/a${end}b`)).toBe(true);
});
