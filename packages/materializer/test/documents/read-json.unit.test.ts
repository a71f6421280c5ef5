import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, summary, valueOf } from "./parse.ts";

test("JSON is read as it is written", () => {
  const text = '{"b": [1, -2.5e3, true, null], "a": {"ü": "\\u00e9\\ud83d\\ude42\\n"}, "404": ""}';
  expect(valueOf(parse("json", text))).toEqual(JSON.parse(text));
});

describe("what is wrong with JSON is told with its place", () => {
  const cases: [why: string, text: string, found: string[]][] = [
    ["a trailing comma", '{\n  "a": 1,\n}', ["3:1 json-syntax"]],
    ["a missing comma", "[1\n 2]", ["2:2 json-syntax"]],
    ["a comment", '// no\n{"a": 1}', ["1:1 json-syntax"]],
    ["single quotes", "{'a': 1}", ["1:2 json-syntax"]],
    ["a bare key", "{a: 1}", ["1:2 json-syntax"]],
    ["a missing colon", '{"a" 1}', ["1:6 json-syntax"]],
    ["something after it", '{"a": 1}\nx', ["2:1 json-syntax"]],
    ["a closing bracket too many", "[1]]", ["1:4 json-syntax"]],
    ["an end in the middle of a list", "[1,\n 2\n", ["2:3 json-syntax"]],
    ["an end after a colon", '{"a":', ["1:6 json-syntax"]],
    ["an end in a string", '{"a": "b', ["1:9 json-syntax"]],
    ["a raw line break in a string", '{"a": "b\nc"}', ["1:9 json-syntax"]],
    ["not a number", '{"a": NaN}', ["1:7 json-syntax"]],
    ["an unknown escape", '["\\x"]', ["1:3 json-syntax"]],
    ["a leading zero", "[01]", ["1:2 json-syntax"]],
    ["a duplicate key", '{"a": 1,\n "a": 2}', ["2:2 duplicate-key"]],
    ["a duplicate key, once escaped", '{"a": 1, "\\u0061": 2}', ["1:10 duplicate-key"]],
    ["the prototype as a key", '{"__proto__": {}}', ["1:2 forbidden-key"]],
    ["a number beyond a double", "[1e400]", ["1:2 not-finite"]],
    ["an integer that would lose digits", '{"id": 9007199254740993}', ["1:8 unsafe-number"]],
    ["U+0000", '["\\u0000"]', ["1:2 unstorable-character"]],
    ["half a surrogate pair", '["\\udc00x"]', ["1:2 unstorable-character"]],
    ["halves in the wrong order", '["\\ude42\\ud83d"]', ["1:2 unstorable-character"]],
    ["an emoji before it", '["🙂", x]', ["1:8 json-syntax"]],
    ["CR LF before it", "[1,\r\nx]", ["2:1 json-syntax"]],
    ["CR before it", "[1,\rx]", ["2:1 json-syntax"]],
  ];
  test.each(cases)("%s", (_why, text, found) => {
    expect(summary(parse("json", text))).toEqual(found);
  });

  test("and in words", () => {
    expect(parse("json", '{"a": tru}').problems[0]?.message).toBe("`tru` is not expected here");
    expect(parse("json", '["a').problems[0]?.message).toBe("the file ends in the middle of a value");
  });
});

describe("limits", () => {
  test.each(["[", '{"a":', '[{"a":'])("%s, 100,000 times, is refused where it is too deep", (opening) => {
    const parsed = parse("json", opening.repeat(100_000));
    expect(parsed.problems).toHaveLength(1);
    expect(parsed.problems[0]).toMatchObject({ line: 1, code: "too-deep" });
  });

  test("the number of values", () => {
    expect(summary(parse("json", "[1,2,3]", { limits: { maxNodes: 4 } }))).toEqual([]);
    expect(summary(parse("json", "[1,2,3,4]", { limits: { maxNodes: 4 } }))).toEqual(["1:8 too-many-nodes"]);
  });
});

test("whatever JSON.parse refuses is refused, and nothing else but what cannot be stored", () => {
  const ours = new Set([
    "duplicate-key",
    "forbidden-key",
    "unsafe-number",
    "not-finite",
    "unstorable-character",
  ]);
  const pieces = fc.constantFrom(
    ...Array.from('[]{},:"\\ \n\t'),
    "1",
    "-",
    "0",
    ".5",
    "e9",
    "true",
    "null",
    '"a"',
    '"b":',
    "\\u00",
    "é",
  );
  const text = fc.oneof(
    fc.json(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (json) => {
      const parsed = parse("json", json);
      let expected: unknown;
      try {
        expected = JSON.parse(json);
      } catch {
        expect(parsed.document).toBeUndefined();
        return;
      }
      if (parsed.document === undefined) {
        expect(parsed.problems.every(({ code }) => ours.has(code))).toBe(true);
      } else {
        expect(JSON.stringify(valueOf(parsed))).toBe(JSON.stringify(expected));
      }
    }),
    { numRuns: 2000 },
  );
});
