import { expect, test } from "vitest";
import { quoteIdentifier, quoteLiteral } from "../src/quote-identifier.ts";

test("quotes inside an identifier are doubled", () => {
  expect(quoteIdentifier('a"; drop database x; --')).toBe('"a""; drop database x; --"');
});

test("quotes and backslashes inside a literal cannot end it", () => {
  expect(quoteLiteral("it's")).toBe("'it''s'");
  expect(quoteLiteral("\\'")).toBe(" E'\\\\'''");
});

test("a NUL character is refused rather than cut at", () => {
  expect(() => quoteIdentifier("a\0b")).toThrow(TypeError);
  expect(() => quoteLiteral("a\0b")).toThrow(TypeError);
});
