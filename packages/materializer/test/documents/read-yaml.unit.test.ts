import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parse, summary, valueOf } from "./parse.ts";

describe("what YAML says", () => {
  test("is read by version 1.2", () => {
    const text = `
name: |
  two
  lines
country: "no"
when: 2026-01-02
port: 0x1F
octal: 0o17
ratio: 1.5e3
on: true
none: ~
nothing:
404: missing
list: [a, 'b', "c\\u00e9"]
`;
    expect(valueOf(parse("yaml", text))).toEqual({
      name: "two\nlines\n",
      country: "no",
      when: "2026-01-02",
      port: 31,
      octal: 15,
      ratio: 1500,
      on: true,
      none: null,
      nothing: null,
      404: "missing",
      list: ["a", "b", "cé"],
    });
  });

  test("keeps keys in the order in which they are written", () => {
    expect(Object.keys(valueOf(parse("yaml", "zebra: 1\nab: 2\nabc: 3\naa: 4\n")) as object)).toEqual([
      "zebra",
      "ab",
      "abc",
      "aa",
    ]);
  });

  test("is repeated by aliases", () => {
    const text = "base: &base {a: 1}\nuses: [*base, *base]\n&k key: &v value\n? x\n: [*k, *v]\n";
    expect(valueOf(parse("yaml", text))).toEqual({
      base: { a: 1 },
      uses: [{ a: 1 }, { a: 1 }],
      key: "value",
      x: ["key", "value"],
    });
  });

  test("may begin with a byte order mark, and columns do not count it", () => {
    expect(valueOf(parse("yaml", "\ufeffa: 1"))).toEqual({ a: 1 });
    expect(summary(parse("yaml", "\ufeffa: !x 1"))).toEqual(["1:7 yaml-tag"]);
  });

  test("may be null if it says so", () => {
    expect(valueOf(parse("yaml", "~"))).toBe(null);
    expect(valueOf(parse("yaml", "--- null\n"))).toBe(null);
  });

  test("may use the tags of the core schema", () => {
    expect(
      valueOf(parse("yaml", "a: !!str 1\nb: !!int 2\nc: !!map {}\nd: !!seq []\ne: ! 3\nf: !!float 1.0\n")),
    ).toEqual({
      a: "1",
      b: 2,
      c: {},
      d: [],
      e: "3",
      f: 1,
    });
  });
});

describe("what is wrong with YAML is told with its place", () => {
  const cases: [why: string, text: string, found: string[]][] = [
    ["a tab as indentation", "a:\n\tb: 1\n", ["2:1 yaml-tab-as-indent"]],
    ["wrong indentation", "a:\n  - 1\n - 2\n", ["3:1 yaml-block-as-implicit-key"]],
    ["an unclosed list", "a: [1, 2\nb: 3\n", ["2:1 yaml-bad-indent"]],
    ["an unclosed quote", 'a: "b\n', ["2:1 yaml-missing-char"]],
    ["a duplicate key", "a: 1\nb: 2\na: 3\n", ["3:1 duplicate-key"]],
    ["a duplicate key, once quoted", "404: 1\n'404': 2\n", ["2:1 duplicate-key"]],
    ["a merge key", "a: &a {x: 1}\nb:\n  <<: *a\n", ["3:3 merge-key"]],
    ["a custom tag", "a: 1\nb: !secret x\n", ["2:12 yaml-tag"]],
    ["a tag of code", "!!js/function 'x'\n", ["1:15 yaml-tag"]],
    ["a tag that does not fit", "a: !!int x\n", ["1:10 yaml-tag"]],
    ["binary", "a: !!binary aGk=\n", ["1:13 yaml-tag"]],
    ["a set", "!!set {a, b}\n", ["1:7 yaml-tag"]],
    ["a second document", "a: 1\n---\nb: 2\n", ["2:1 yaml-documents"]],
    ["YAML 1.1", "%YAML 1.1\n---\na: 1\n", ["1:1 yaml-version"]],
    ["an unknown alias", "a: *b\n", ["1:4 alias-unknown"]],
    ["an alias before its anchor", "a: *b\nc: &b 1\n", ["1:4 alias-unknown"]],
    ["an alias of itself", "a: &a\n  - *a\n", ["2:5 alias-cycle"]],
    ["a list as a key", "? [a]\n: 1\n", ["1:3 yaml-key"]],
    ["no key", ": 1\n", ["1:1 yaml-key"]],
    ["an alias as a key", "&a x: 1\n*a : 2\n", ["2:1 yaml-key"]],
    ["not a number", "a: .nan\n", ["1:4 not-finite"]],
    ["infinity", "a: [1, -.inf]\n", ["1:8 not-finite"]],
    ["a number beyond a double", "a: 1e400\n", ["1:4 not-finite"]],
    ["an integer that would lose digits", "id: 12345678901234567890\n", ["1:5 unsafe-number"]],
    ["a hexadecimal one", "id: 0xFFFFFFFFFFFFFFFF\n", ["1:5 unsafe-number"]],
    ["the prototype as a key", "a:\n  __proto__: {x: 1}\n", ["2:3 forbidden-key"]],
    ["U+0000 by escape", 'a: "x\\0"\n', ["1:4 unstorable-character"]],
    ["U+0000 as it is", "a: x\0y\n", ["1:4 unstorable-character"]],
    ["half a surrogate pair", 'a: ["\\ud83d"]\n', ["1:5 unstorable-character"]],
    ["it in a key", '"\\ud83d": 1\n', ["1:1 unstorable-character"]],
    [
      "a word that YAML 1.1 reads otherwise",
      "a: no\nb: [On, 'yes']\n",
      ["1:4 !ambiguous-scalar", "2:5 !ambiguous-scalar"],
    ],
    ["a number that YAML 1.1 reads otherwise", "mode: 0755\n", ["1:7 !ambiguous-scalar"]],
    ["only comments", "# nothing\n# here\n", ["1:1 empty-file"]],
    ["a bare start of a document", "---\n", ["1:1 empty-file"]],
    ["CR LF before it", "a: 1\r\nb: *c\r\n", ["2:4 alias-unknown"]],
    ["an emoji before it", '"🙂": *c\n', ["1:7 alias-unknown"]],
    ["two things", "a: *x\nb: !t 1\n", ["1:4 alias-unknown", "2:7 yaml-tag"]],
  ];
  test.each(cases)("%s", (_why, text, found) => {
    expect(summary(parse("yaml", text))).toEqual(found);
  });

  test("and in words that say what to do", () => {
    const { problems } = parse("yaml", "id: 12345678901234567890\n");
    expect(problems[0]?.message).toBe(
      "12345678901234567890 is an integer beyond ±(2^53 − 1) and would lose digits: write it in quotes to keep it",
    );
  });

  test("a warning alone keeps the document", () => {
    expect(valueOf(parse("yaml", "a: no\n"))).toEqual({ a: "no" });
  });
});

describe("limits", () => {
  test("a bomb of aliases is refused at the alias that is too much", () => {
    const levels = Array.from({ length: 30 }, (_, level) =>
      level === 0 ? "a0: &a0 [x, x]" : `a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`,
    );
    expect(summary(parse("yaml", levels.join("\n")))).toEqual(["14:18 too-many-nodes"]);
  });

  test("long texts repeated by aliases count by their length", () => {
    const text = `a: &a ${"x".repeat(1000)}\nb: [*a, *a, *a]\n`;
    expect(summary(parse("yaml", text, { limits: { maxBytes: 3000 } }))).toEqual(["2:9 too-large"]);
  });

  test("aliases have a number", () => {
    expect(summary(parse("yaml", "a: &a 1\nb: [*a, *a, *a]\n", { limits: { maxAliases: 2 } }))).toEqual([
      "2:13 too-many-aliases",
    ]);
  });

  test("depth counts through aliases", () => {
    const text = "a: &a [[1]]\nb: [[*a]]\n";
    expect(summary(parse("yaml", text, { limits: { maxDepth: 5 } }))).toEqual([]);
    expect(summary(parse("yaml", text, { limits: { maxDepth: 4 } }))).toEqual(["2:6 too-deep"]);
  });

  test.each([
    ["lists in brackets", "["],
    ["lists by dashes", "- "],
    ["maps in braces", "{a: "],
    ["explicit keys", "? "],
    ["lists inside maps", "[a: "],
  ])("%s, 100,000 deep, are refused at the level that is too deep", (_name, opening) => {
    const [problem, ...others] = parse("yaml", opening.repeat(100_000)).problems;
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ line: 1, code: "too-deep" });
    expect(problem!.column! / opening.length).toBeLessThan(80);
  });

  test("the deepest allowed level is allowed", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(summary(parse("yaml", nested(64)))).toEqual([]);
    expect(summary(parse("yaml", nested(65)))).toEqual(["1:65 too-deep"]);
  });

  test("problems beyond the limit are counted", () => {
    const { problems } = parse("yaml", "- *a\n".repeat(50), { limits: { maxProblems: 3 } });
    expect(problems).toHaveLength(4);
    expect(problems[3]).toEqual({
      line: null,
      column: null,
      code: "more-problems",
      message: "47 more problems are not listed",
      severity: "error",
    });
  });
});

test("a schema's recursion goes as deep as the document may", () => {
  const tree: z.ZodType = z.object({ children: z.array(z.lazy(() => tree)) });
  const text = `${"{children: [".repeat(31)}${"]}".repeat(31)}`;
  expect(summary(parse("yaml", text, { schema: tree }))).toEqual([]);
});
