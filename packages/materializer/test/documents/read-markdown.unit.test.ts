import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parse, summary, valueOf } from "./parse.ts";

const schema = z.strictObject({ title: z.string(), tags: z.array(z.string()).optional() });

test("Markdown is its front matter and its text", () => {
  const text = "---\ntitle: Hello\n---\n\n# Hello\n\n---\nText\n";
  expect(valueOf(parse("markdown", text, { schema }))).toEqual({
    frontMatter: { title: "Hello" },
    body: "\n# Hello\n\n---\nText\n",
    bodyLine: 4,
  });
});

test("front matter may be all there is, may end with the file, and may use any line ends", () => {
  expect(valueOf(parse("markdown", "---\ntitle: a\n---", { schema }))).toMatchObject({
    body: "",
    bodyLine: 3,
  });
  expect(valueOf(parse("markdown", "--- \r\ntitle: a\r\n---\t\r\ntext", { schema }))).toEqual({
    frontMatter: { title: "a" },
    body: "text",
    bodyLine: 4,
  });
  expect(valueOf(parse("markdown", "---\rtitle: a\r---\rtext", { schema }))).toMatchObject({ body: "text" });
});

test("without front matter it is an empty map", () => {
  expect(valueOf(parse("markdown", "# Hello\n"))).toEqual({
    frontMatter: {},
    body: "# Hello\n",
    bodyLine: 1,
  });
  expect(valueOf(parse("markdown", "---\n# nothing\n---\nHello\n"))).toMatchObject({
    frontMatter: {},
    bodyLine: 4,
  });
});

describe("what is wrong in front matter is told by the lines of the file", () => {
  const cases: [why: string, text: string, found: string[]][] = [
    ["a wrong type", "---\ntitle: 3\n---\n", ["2:8 schema-invalid-type"]],
    ["a missing key", "---\ntags: []\n---\n", ["2:1 schema-missing"]],
    ["no front matter where some is needed", "# Hello\n", ["1:1 schema-missing"]],
    ["an unknown key", "---\ntitle: a\nextra: 1\n---\n", ["3:1 schema-unknown-key"]],
    ["broken YAML", "---\ntitle: a\nb: [1\n---\n", ["4:1 yaml-bad-indent"]],
    ["a list", "---\n- a\n---\n", ["2:1 schema-invalid-type"]],
    ["no end of it", "---\ntitle: a\n\n# Hello\n", ["1:1 front-matter-unclosed"]],
    ["U+0000 in the text", "---\ntitle: a\n---\nx\0y", ["4:1 unstorable-character"]],
    ["two documents", "---\ntitle: a\n--- b\n---\n", ["3:1 yaml-documents"]],
  ];
  test.each(cases)("%s", (_why, text, found) => {
    expect(summary(parse("markdown", text, { schema }))).toEqual(found);
  });
});
