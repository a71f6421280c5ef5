import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits } from "../../src/git/git-limits.ts";
import { treePath } from "../../src/git/tree-path.ts";

test.each([
  "/etc/passwd",
  "../x",
  "a/../b",
  "a/..",
  "./a",
  "a//b",
  "a/",
  "",
  ".git/config",
  "a/.GIT/x",
  ".git ",
  ".git...",
  "GIT~1/x",
  "a\0b",
])("%j is hostile", (path) => {
  expect(treePath(Buffer.from(path), defaultLimits).problem).toBe("hostile-path");
});

test.each([
  "a",
  ".gitignore",
  ".github/x",
  "..a",
  "a..",
  "...",
  "git",
  "a b\n\t\u202e",
  "日本/ü",
  "\\",
  "c:\\x",
])("%j is a path like any other", (path) => {
  expect(treePath(Buffer.from(path), defaultLimits)).toEqual({ path });
});

test("any bytes give a path that is text, and only valid ones give it without a problem", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const { path, problem } = treePath(Buffer.from(bytes), defaultLimits);
      expect(Buffer.from(path).toString()).toBe(path);
      if (problem === undefined || problem === "hostile-path")
        expect(Buffer.from(path)).toEqual(Buffer.from(bytes));
      else expect(problem).toBe("invalid-utf8");
    }),
  );
});

test("what is too long is cut between characters, and still told apart", () => {
  const limits = { ...defaultLimits, maxPathBytes: 10 };
  const paths = ["ü".repeat(6), `${"ü".repeat(5)}x`].map((path) => treePath(Buffer.from(path), limits));
  expect(paths.map(({ problem }) => problem)).toEqual(["path-too-long", "path-too-long"]);
  expect(paths[0]?.path).toMatch(/^ü{5}…[0-9a-f]{8}$/);
  expect(paths[1]?.path).not.toBe(paths[0]?.path);
});
