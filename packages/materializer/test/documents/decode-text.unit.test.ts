import { describe, expect, test } from "vitest";
import { parse, summary } from "./parse.ts";

function bytes(...parts: (string | number[])[]): Uint8Array {
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

describe("bytes that are not UTF-8 are pointed at", () => {
  const cases: [why: string, content: Uint8Array, found: string][] = [
    ["Latin-1", bytes("a: 1\nb: caf", [0xe9], "\n"), "2:7 invalid-utf8"],
    ["after other letters", bytes("é🙂: ", [0xff]), "1:6 invalid-utf8"],
    ["after a byte order mark", bytes([0xef, 0xbb, 0xbf], "a: ", [0x80]), "1:4 invalid-utf8"],
    ["a sequence cut short", bytes("a: ", [0xf0, 0x9f, 0x99]), "1:4 invalid-utf8"],
    ["a sequence cut short by a letter", bytes("a: ", [0xef, 0xbf], "A"), "1:4 invalid-utf8"],
    ["an overlong sequence", bytes("a\r\nb: ", [0xc0, 0x80]), "2:4 invalid-utf8"],
    ["a surrogate", bytes("a: ", [0xed, 0xa0, 0x80]), "1:4 invalid-utf8"],
    ["beside a real replacement character", bytes("\ufffd", [0x80]), "1:2 invalid-utf8"],
  ];
  test.each(cases)("%s", (_why, content, found) => {
    expect(summary(parse("yaml", content))).toEqual([found]);
  });

  test("UTF-16 is called by its name", () => {
    const parsed = parse("yaml", Buffer.from("\ufeffa: 1", "utf16le"));
    expect(parsed.problems[0]).toMatchObject({
      line: 1,
      column: 1,
      message: "the file is UTF-16: save it as UTF-8",
    });
  });
});

test.each(["", " \n\t\r\n", "\ufeff", "\ufeff\n"])("%j is an empty file in every format", (text) => {
  for (const format of ["yaml", "json", "markdown"] as const) {
    expect(summary(parse(format, text))).toEqual(["file empty-file"]);
  }
});

test("a pointer of Git LFS is told from content", () => {
  const pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 12345\n";
  const parsed = parse("yaml", pointer);
  expect(summary(parsed)).toEqual(["file lfs-pointer"]);
  expect(parsed.problems[0]?.message).toContain("git lfs untrack");
});

test("a file that is too large is not looked into", () => {
  expect(summary(parse("yaml", new Uint8Array(11).fill(0xff), { limits: { maxBytes: 10 } }))).toEqual([
    "file too-large",
  ]);
});
