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
  expect(paths[0]?.path).toMatch(/^ü{2}…[0-9a-f]{32}…ü{3}$/);
  expect(paths[1]?.path).not.toBe(paths[0]?.path);
});

const limits = { ...defaultLimits, maxPathBytes: 12, maxPathDepth: 2 };
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.string({ unit: fc.constantFrom("\\", "x", "E", "9", "/", ".", "é"), maxLength: 16 }),
  fc.array(fc.constantFrom(0x5c, 0x78, 0x45, 0x39, 0xe9), { maxLength: 8 }),
);

test("no two paths with the same problem are shown alike, and none is shown much longer than allowed", () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (one, other) => {
      const [a, b] = [Buffer.from(one as string), Buffer.from(other as string)];
      const [shownA, shownB] = [treePath(a, limits), treePath(b, limits)];
      expect(Buffer.byteLength(shownA.path)).toBeLessThanOrEqual(limits.maxPathBytes + 41);
      if (!a.equals(b)) expect(shownA).not.toEqual(shownB);
    }),
    { numRuns: 2_000 },
  );
});
