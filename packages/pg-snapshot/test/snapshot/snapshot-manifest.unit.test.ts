import fc from "fast-check";
import { expect, test } from "vitest";
import { PgSnapshotError } from "../../src/errors.ts";
import {
  formatManifest,
  parseManifest,
  type SnapshotManifest,
} from "../../src/snapshot/snapshot-manifest.ts";
import type { StripRule } from "../../src/snapshot/strip-rules.ts";
import { manifest } from "./drafts.ts";

const text = fc.string({ unit: "binary" });
const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(...Array.from("0123456789abcdef")),
    minLength: length,
    maxLength: length,
  });
const version = fc.tuple(fc.nat(99), fc.nat(99)).map(([major, minor]) => `${major}.${minor}`);
const table = fc.constantFrom("job", "public.job", '"we ird"."or""der"', "日本");
const strip: fc.Arbitrary<StripRule> = fc.oneof(
  table.map((name) => ({ truncate: name })),
  fc
    .tuple(table, fc.array(fc.string({ minLength: 1 }), { minLength: 1 }))
    .map(([name, columns]) => ({ nullColumns: { table: name, columns } })),
  fc
    .tuple(table, fc.string({ minLength: 1 }))
    .map(([name, where]) => ({ deleteWhere: { table: name, where } })),
  fc.string({ minLength: 1 }).map((sql) => ({ sql })),
);
const anyManifest: fc.Arbitrary<SnapshotManifest> = fc.record({
  format: fc.constant("headstart-snapshot/1" as const),
  target: text,
  fingerprint: fc.string({ minLength: 1 }),
  files: fc.array(text),
  dump: fc.record({
    file: hex(16).map((name) => `${name}.pgdump`),
    sha256: hex(64),
    bytes: fc.nat(Number.MAX_SAFE_INTEGER),
    compression: text,
  }),
  pgDumpVersion: version,
  serverVersion: version,
  encoding: text,
  extensions: fc.array(fc.record({ name: fc.string({ minLength: 1 }), version: text })),
  strip: fc.array(strip),
  databaseSettings: fc.array(
    fc.record({
      role: fc.option(text),
      settings: fc.array(text.map((value) => `search_path=${value}`)),
    }),
  ),
  buildMs: fc.option(fc.nat()),
  createdAt: text,
});

test("a manifest that is written is read as it was", () => {
  fc.assert(
    fc.property(anyManifest, (one) => {
      const written = formatManifest(one);
      expect(parseManifest(written, "x")).toEqual(one);
      expect(written.endsWith("}\n")).toBe(true);
    }),
  );
});

test("the text is the same in whatever order the fields were put together", () => {
  fc.assert(
    fc.property(anyManifest, fc.infiniteStream(fc.nat()), (one, order) => {
      expect(formatManifest(shuffled(one, order) as SnapshotManifest)).toBe(formatManifest(one));
    }),
  );
});

/** The same value with the keys of its objects in another order. */
function shuffled(value: unknown, order: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, order));
  if (typeof value !== "object" || value === null) return value;
  const keyed = Object.entries(value).map(
    ([key, item]) => [Number(order.next().value), [key, shuffled(item, order)]] as const,
  );
  return Object.fromEntries(keyed.sort(([a], [b]) => a - b).map(([, entry]) => entry));
}

test("every input file has a line of its own, so that version control shows which changed", () => {
  const written = formatManifest(manifest({ files: ["1  a", "2  b"] }));
  expect(written).toContain('  "files": [\n    "1  a",\n    "2  b"\n  ],\n');
});

test("no text whatever ends in a bare error", () => {
  const known = (input: string): void => {
    try {
      parseManifest(input, "x");
    } catch (error) {
      expect(error).toBeInstanceOf(PgSnapshotError);
      expect(["SNAPSHOT_CORRUPT", "SNAPSHOT_INCOMPATIBLE"]).toContain((error as PgSnapshotError).code);
    }
  };
  fc.assert(fc.property(fc.oneof(text, fc.json()), known));
  const good = formatManifest(manifest());
  fc.assert(
    fc.property(fc.nat(good.length), fc.nat(20), text, (at, cut, put) => {
      known(good.slice(0, at) + put + good.slice(at + cut));
    }),
  );
  known("[".repeat(1_000_000));
  known(`{"format": ${"[".repeat(5_000)}${"]".repeat(5_000)}}`);
});

const dump = manifest().dump;

test.each<[string, object, RegExp]>([
  [
    "a path that leads out",
    { dump: { ...dump, file: "../../etc/passwd.pgdump" } },
    /dump\.file: expected a plain name/,
  ],
  ["an absolute path", { dump: { ...dump, file: "/etc/x.pgdump" } }, /dump\.file/],
  ["a path of Windows", { dump: { ...dump, file: "..\\x.pgdump" } }, /dump\.file/],
  ["a name with a NUL", { dump: { ...dump, file: "a\0.pgdump" } }, /dump\.file/],
  ["the manifest itself as the dump", { dump: { ...dump, file: "fingerprint.json" } }, /dump\.file/],
  ["a hidden file as the dump", { dump: { ...dump, file: ".pgdump" } }, /dump\.file/],
  ["a name longer than any", { dump: { ...dump, file: `${"a".repeat(300)}.pgdump` } }, /dump\.file/],
  ["a checksum in capitals", { dump: { ...dump, sha256: "B".repeat(64) } }, /dump\.sha256: expected 64/],
  ["a negative size", { dump: { ...dump, bytes: -1 } }, /dump\.bytes/],
  ["a size beyond all integers", { dump: { ...dump, bytes: 1e300 } }, /dump\.bytes/],
  ["a size that is text", { dump: { ...dump, bytes: "3" } }, /dump\.bytes/],
  ["no dump", { dump: undefined }, /dump: /],
  ["a version that is none", { serverVersion: "latest; drop" }, /serverVersion: expected a version/],
  ["a rule that nobody knows", { strip: [{ shred: "job" }] }, /strip\.0/],
  [
    "a setting without a value",
    { databaseSettings: [{ role: null, settings: ["x"] }] },
    /settings\.0: expected name=value/,
  ],
  ["another format", { format: "other/1" }, /format/],
])("%s is told as damage", (_, changes, says) => {
  const edited = JSON.stringify({ ...manifest(), ...changes });
  expect(() => parseManifest(edited, "x")).toThrow(
    expect.objectContaining({ code: "SNAPSHOT_CORRUPT", message: expect.stringMatching(says) as string }),
  );
});

test("of many things that are wrong, some are told and the rest counted", () => {
  expect(() => parseManifest('{"format": "headstart-snapshot/1"}', "x")).toThrow(/target: .*; and \d+ more$/);
});

test("a manifest of a later format asks for an update", () => {
  expect(() => parseManifest(JSON.stringify({ format: "headstart-snapshot/2" }), "x")).toThrow(
    expect.objectContaining({
      code: "SNAPSHOT_INCOMPATIBLE",
      hint: expect.stringContaining("update") as string,
    }),
  );
});

test("what no reader would accept is not written", () => {
  expect(() => formatManifest(manifest({ dump: { ...dump, file: "../x" } }))).toThrow(TypeError);
  expect(() => formatManifest(manifest({ buildMs: Number.NaN }))).toThrow(/buildMs/);
});
