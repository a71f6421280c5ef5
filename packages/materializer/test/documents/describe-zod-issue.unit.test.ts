import { expect, test } from "vitest";
import { z } from "zod";
import { parse, valueOf } from "./parse.ts";

function told(format: "yaml" | "json", schema: z.ZodType, text: string): string[] {
  return parse(format, text, { schema }).problems.map(
    ({ line, column, code, message }) => `${line}:${column} ${code} ${message}`,
  );
}

const canvas = z.strictObject({
  title: z.string().min(1),
  nodes: z.array(z.strictObject({ id: z.string(), size: z.number().int().optional() })),
  labels: z.record(z.string().regex(/^[a-z]+$/), z.string()).optional(),
  state: z.enum(["draft", "live"]).optional(),
});

test("a wrong value is told at the value", () => {
  expect(told("yaml", canvas, "title: a\nnodes:\n  - id: x\n    size: big\n  - 7\nstate: done\n")).toEqual([
    "4:11 schema-invalid-type nodes[0].size: Invalid input: expected number, received string",
    "5:5 schema-invalid-type nodes[1]: Invalid input: expected object, received number",
    '6:8 schema-invalid-value state: Invalid option: expected one of "draft"|"live"',
  ]);
});

test("a missing value is told at what should hold it", () => {
  expect(told("yaml", canvas, "nodes:\n  - id: x\n  - size: 1\n")).toEqual([
    "1:1 schema-missing title is missing: expected string",
    "3:5 schema-missing nodes[1].id is missing: expected string",
  ]);
  expect(told("yaml", z.object({ a: z.object({ b: z.literal(1) }) }), "x: 1\na:\n  c: 1\n")).toEqual([
    "2:1 schema-missing a.b is missing: expected 1",
  ]);
});

test("an unknown key is told at the key", () => {
  expect(
    told("json", canvas, '{"title": "a",\n "nodes": [{"id": "x", "colour": 1}],\n "extra": {}}'),
  ).toEqual([
    "2:24 schema-unknown-key nodes[0].colour is no known key",
    "3:2 schema-unknown-key extra is no known key",
  ]);
});

test("a key that a record refuses is told at the key", () => {
  expect(told("yaml", canvas, "title: a\nnodes: []\nlabels:\n  ok: x\n  NOT: y\n")).toEqual([
    "5:3 schema-invalid-key labels.NOT: Invalid key in record: Invalid string: must match pattern /^[a-z]+$/",
  ]);
});

test("null is not missing", () => {
  expect(told("yaml", canvas, "title:\nnodes: []\n")).toEqual([
    "1:7 schema-invalid-type title: Invalid input: expected string, received null",
  ]);
});

test("a value inside an alias is told where it is written, and the alias itself where it stands", () => {
  const schema = z.object({ of: z.unknown(), list: z.array(z.object({ n: z.number() })), n: z.number() });
  expect(told("yaml", schema, "of: &a\n  n: x\nlist: [*a]\nn: *a\n")).toEqual([
    "2:6 schema-invalid-type list[0].n: Invalid input: expected number, received string",
    "4:4 schema-invalid-type n: Invalid input: expected number, received object",
  ]);
});

test("of a union the alternative is told that the value got furthest into", () => {
  const schema = z.object({ to: z.union([z.string(), z.object({ node: z.string(), port: z.number() })]) });
  expect(told("yaml", schema, "to:\n  node: a\n  port: x\n")).toEqual([
    "3:9 schema-invalid-type to.port: Invalid input: expected number, received string",
  ]);
  expect(told("yaml", schema, "to: 3\n")).toEqual([
    "1:5 schema-invalid-union to: Invalid input: expected string, received number; or: Invalid input: expected object, received number",
  ]);
  expect(told("yaml", schema, "from: 3\n")).toEqual(["1:1 schema-missing to is missing"]);
});

test("a discriminator is told by its options", () => {
  const schema = z.discriminatedUnion("type", [
    z.object({ type: z.literal("a"), n: z.number() }),
    z.object({ type: z.literal("b") }),
  ]);
  expect(told("yaml", schema, "type: c\n")).toEqual([
    "1:7 schema-invalid-union type: Invalid discriminator value. Expected 'a' | 'b'",
  ]);
  expect(told("yaml", schema, "n: 1\n")).toEqual(["1:1 schema-missing type is missing"]);
});

test("keys that are no words are quoted", () => {
  const schema = z.record(z.string(), z.number());
  expect(told("yaml", schema, "a b: x\n")[0]).toContain('["a b"]: Invalid input');
});

test("what a schema fills in is part of the document", () => {
  const schema = z.object({ a: z.string().default("x"), b: z.string().trim().optional() });
  expect(valueOf(parse("yaml", "b: ' y '", { schema }))).toEqual({ a: "x", b: "y" });
});

test("a schema that throws is a problem of the file", () => {
  const schema = z.unknown().refine(() => {
    throw new Error("sorry");
  });
  expect(told("yaml", schema, "a: 1\n")).toEqual(["1:1 projector-threw reading this file failed: sorry"]);
});

test("a schema whose result is no JSON is a problem of the file", () => {
  const schema = z.object({ at: z.string().transform((text) => new Date(text)) });
  expect(told("yaml", schema, "x: 1\nat: 2026-01-01\n")).toEqual([
    "2:5 schema-output the schema's result: at is a Date, which cannot be stored as JSON",
  ]);
});
