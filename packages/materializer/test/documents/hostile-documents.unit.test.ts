import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DocumentFormat } from "../../src/documents/parse-document.ts";
import { parse } from "./parse.ts";

const formats: readonly DocumentFormat[] = ["yaml", "json", "markdown"];

/** Pieces that mean something to one of the formats: in a row they get further than random bytes do. */
const words =
  "- |: |---\n|...\n|&a |*a|!!map |!t |<<: |%YAML 1.1\n|>2-\n|\\u|é|🙂|__proto__|constructor|0x|1e999|\ufeff|\u2028|  |# ";
const pieces = [...Array.from("[]{}:,-?&*!|>#%@`'\"\\\n\r\t \0~<.a1"), ...words.split("|")];

const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)),
  fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => Buffer.from(parts.join(""))),
  fc
    .array(fc.constantFrom(...pieces), { maxLength: 60 })
    .map((parts) => Buffer.from(`---\n${parts.join("")}\n---\n`)),
);

describe.each(formats)("%s", (format) => {
  test("reads any bytes without failing, in the same way each time, and points into the file", () => {
    fc.assert(
      fc.property(hostile, (bytes) => {
        const parsed = parse(format, bytes);
        expect(parse(format, bytes)).toEqual(parsed);
        if (parsed.document === undefined) {
          expect(parsed.problems.some(({ severity }) => severity === "error")).toBe(true);
        }
        const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/);
        for (const { line, column, code, message } of parsed.problems) {
          expect(message).toMatch(/^[^\0\p{Surrogate}]{1,1001}$/su);
          expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
          expect(code).not.toBe("projector-threw");
          if (line !== null) {
            expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
          }
        }
      }),
      { numRuns: 1500 },
    );
  });
});

/** Each repeated to the size limit makes one stage do as much as it can be made to do. */
const shapes = {
  "empty items": ",",
  commas: "[,",
  anchors: "&a ",
  tags: "!a ",
  quotes: '"',
  apostrophes: "'",
  backslashes: '"\\',
  "closing brackets": "]",
  pairs: "a: b, ",
  "nested pairs": "{a: [",
  "question marks": "?\n",
  dashes: "-\n",
  colons: ": ",
  comments: "#\n",
  directives: "%A\n",
  documents: "---\n",
  ends: "...\n",
  "line ends": "a\n\n",
  "anchored items": "- &a\n",
  aliases: "- *a\n",
  "block scalars": "- |\n",
  rules: "***\n",
  underlines: "a\n=\n",
  strings: '"a":"b",',
  escapes: "\\u0000",
};

/** The slowest that were found below the limits: an error for every token. */
const slowest = ['a: "\n', "[-,", "a: \n@", "a: \n,", "a: %\n"];

test.each(slowest)("%j again and again takes bounded time", (shape) => {
  const [first, again] = [shape.slice(0, -2), shape.slice(-2)];
  const started = performance.now();
  expect(parse("yaml", first + again.repeat(20_000)).problems).not.toEqual([]);
  expect(performance.now() - started).toBeLessThan(20_000);
});

describe("a file as large as is allowed takes bounded time", () => {
  const size = 1024 * 1024;
  test.each(Object.entries(shapes))("%s", (_name, shape) => {
    const repeated = shape.repeat(Math.floor((size - 40) / shape.length));
    for (const [format, text] of [
      ["yaml", repeated],
      ["yaml", `[${repeated}`],
      ["json", `[${repeated}]`],
      ["markdown", `---\n${repeated}`],
    ] as const) {
      const started = performance.now();
      expect(parse(format, text).problems.length).toBeLessThanOrEqual(101);
      expect(performance.now() - started).toBeLessThan(20_000);
    }
  });
});
