import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, decodeText, encodeText, systemPath, textOf } from "../src/byte-string.ts";

test("every sequence of bytes comes back from its text, and every text from its bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = decodeText(Buffer.from(bytes));
      expect(encodeText(text)).toEqual(Buffer.from(bytes));
      expect(textOf(Buffer.from(bytes).toString("latin1"))).toBe(text);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(textOf(bytesOf(text))).toBe(text);
    }),
  );
});

test("text that is UTF-8 is encoded as UTF-8, composed or not", () => {
  expect(bytesOf("é")).toBe("\u00c3\u00a9");
  expect(bytesOf("e\u0301")).toBe("e\u00cc\u0081");
  expect(bytesOf("plain")).toBe("plain");
});

test("byte strings compare as the bytes do, where texts do not", () => {
  const [beforeByBytes, afterByBytes] = ["\uffee", "😀"];
  expect(beforeByBytes < afterByBytes).toBe(false);
  expect(bytesOf(beforeByBytes) < bytesOf(afterByBytes)).toBe(true);
});

test("a path that is not plain ASCII reaches the system as bytes", () => {
  expect(systemPath("/a")).toBe("/a");
  expect(systemPath("/\u00ff")).toEqual(Buffer.from([0x2f, 0xff]));
});
