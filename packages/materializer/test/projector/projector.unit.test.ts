import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defaultDocumentLimits } from "../../src/documents/document-limits.ts";
import { defineProjector, type Projector } from "../../src/projector/projector.ts";
import { assemble, unitFiles } from "./files.ts";

const canvas = z.strictObject({
  title: z.string(),
  nodes: z.array(z.string()),
  edges: z.array(z.tuple([z.string(), z.string()])),
});
const page = z.strictObject({ title: z.string() });

const kinds = {
  canvas: { match: "canvases/*/canvas.yaml", format: "yaml", schema: canvas },
  settings: { match: ["**/settings.json"], format: "json", schema: z.record(z.string(), z.number()) },
  page: { match: "pages/**/*.md", format: "markdown", schema: page },
} as const;

type Assemble = Parameters<typeof defineProjector<typeof kinds>>[0]["assemble"];

function projectorOf(assembleFiles: Assemble = () => ({ rows: [] }), more: object = {}): Projector {
  return defineProjector({ name: "test", revision: "1", kinds, assemble: assembleFiles, ...more });
}

function canvasYaml(content: Partial<z.infer<typeof canvas>>): string {
  return JSON.stringify({ title: "T", nodes: [], edges: [], ...content });
}

describe("select", () => {
  const projector = projectorOf();

  test("gives the kind of a path and its folder as the unit", () => {
    expect(projector.select("canvases/a/canvas.yaml")).toEqual({ kind: "canvas", unit: "canvases/a" });
    expect(projector.select("settings.json")).toEqual({ kind: "settings", unit: "" });
    expect(projector.select("pages/x/y/z.md")).toEqual({ kind: "page", unit: "pages/x/y" });
  });

  test("gives null for other paths", () => {
    for (const path of [
      "canvas.yaml",
      "canvases/canvas.yaml",
      "canvases/a/b/canvas.yaml",
      "CANVASES/a/canvas.yaml",
      "",
    ]) {
      expect(projector.select(path)).toBeNull();
    }
  });

  test("takes dots, line breaks and backslashes in a path for letters", () => {
    expect(projector.select("canvases/.a/canvas.yaml")?.unit).toBe("canvases/.a");
    expect(projector.select("canvases/a\nb/canvas.yaml")?.unit).toBe("canvases/a\nb");
    expect(projector.select("pages/a\nb/.c/x.md")?.unit).toBe("pages/a\nb/.c");
    expect(projector.select("canvases\\a\\canvas.yaml")).toBeNull();
    expect(projector.select("canvases/a\\b/canvas.yaml")?.unit).toBe("canvases/a\\b");
  });

  test("gives a path that two kinds match to the first", () => {
    const twice = defineProjector({
      name: "test",
      revision: "1",
      kinds: {
        special: { match: "a.yaml", format: "yaml", schema: z.unknown() },
        any: { match: "*.yaml", format: "yaml", schema: z.unknown() },
      },
      assemble: () => ({ rows: [] }),
    });
    expect(twice.select("a.yaml")?.kind).toBe("special");
    expect(twice.select("b.yaml")?.kind).toBe("any");
  });

  test("asks the author for the unit", () => {
    const projector = projectorOf(undefined, {
      unit: (path: string, kind: string) => `${kind}/${path.length}`,
    });
    expect(projector.select("settings.json")?.unit).toBe("settings/13");
  });
});

describe("assemble", () => {
  test("sees documents by the type of their kind, sorted by path, and gives rows", () => {
    const projector = projectorOf((unit, files) => ({
      rows: files.map((file) => {
        switch (file.kind) {
          case "canvas":
            expectTypeOf(file.document).toEqualTypeOf<z.output<typeof canvas>>();
            return { collection: "canvas", key: unit, data: { title: file.document.title, gone: undefined } };
          case "page":
            expectTypeOf(file.document.frontMatter).toEqualTypeOf<{ title: string }>();
            return {
              collection: "page",
              key: file.path,
              data: [file.document.frontMatter.title, file.document.body],
            };
          case "settings":
            expectTypeOf(file.document).toEqualTypeOf<Record<string, number>>();
            return { collection: "settings", key: file.path, data: file.document };
        }
      }),
    }));
    const files = {
      "settings.json": '{"z": 1, "a": 2}',
      "pages/b.md": "---\ntitle: B\n---\ntext",
      "pages/a.md": "---\ntitle: A\n---\n",
    };
    expect(assemble(projector, files, "u")).toEqual({
      rows: [
        { collection: "page", key: "pages/a.md", data: ["A", ""] },
        { collection: "page", key: "pages/b.md", data: ["B", "text"] },
        { collection: "settings", key: "settings.json", data: { z: 1, a: 2 } },
      ],
      issues: [],
    });
    expect(assemble(projector, { "canvases/a/canvas.yaml": canvasYaml({}) }, "a").rows).toEqual([
      { collection: "canvas", key: "a", data: { title: "T" } },
    ]);
  });

  test("knows front matter from a whole document where kinds are written in place", () => {
    defineProjector({
      name: "test",
      revision: "1",
      kinds: {
        page: { match: "*.md", format: "markdown", schema: page },
        data: { match: "*.json", format: "json", schema: page },
      },
      assemble(_unit, files) {
        expectTypeOf(
          files.filter((file) => file.kind === "page").map(({ document }) => document),
        ).toEqualTypeOf<{ frontMatter: { title: string }; body: string; bodyLine: number }[]>();
        expectTypeOf(files.find((file) => file.kind === "data")!.document).toEqualTypeOf<{ title: string }>();
        // @ts-expect-error there is no such kind
        files.filter((file) => file.kind === "pages");
        return { rows: [] };
      },
    });
  });

  test("turns a place in a document into line and column", () => {
    const projector = projectorOf((_unit, files) => ({
      rows: [],
      issues: files.flatMap((file) =>
        file.kind !== "canvas"
          ? [{ path: file.path, at: ["body"], code: "body", message: "here", severity: "warning" as const }]
          : file.document.edges.flatMap(([, to], index) =>
              file.document.nodes.includes(to)
                ? []
                : [
                    {
                      path: file.path,
                      at: ["edges", index, 1],
                      code: "edge-to-nowhere",
                      message: `no node ${to}`,
                    },
                  ],
            ),
      ),
    }));
    const yaml = "title: T\nnodes: [a, b]\nedges:\n  - [a, b]\n  - [b, c]\n  -\n    - a\n    - d\n";
    expect(
      assemble(projector, { "canvases/a/canvas.yaml": yaml, "pages/a.md": "---\ntitle: A\n---\n" }),
    ).toEqual({
      rows: [],
      issues: [
        {
          path: "canvases/a/canvas.yaml",
          line: 5,
          column: 9,
          code: "edge-to-nowhere",
          message: "no node c",
          severity: "error",
        },
        {
          path: "canvases/a/canvas.yaml",
          line: 8,
          column: 7,
          code: "edge-to-nowhere",
          message: "no node d",
          severity: "error",
        },
        { path: "pages/a.md", line: 4, column: 1, code: "body", message: "here", severity: "warning" },
      ],
    });
  });

  test("points at the value around one that is not written, and at no line without a place or a file", () => {
    const found = [
      { path: "settings.json", at: ["b", 3], code: "x", message: "x" },
      { path: "settings.json", code: "x", message: "x" },
      { path: "elsewhere", at: ["b"], code: "x", message: "x" },
    ];
    const projector = projectorOf(() => ({ rows: [], issues: found }));
    const { issues } = assemble(projector, { "settings.json": '{"a": 1,\n "b": 2}' });
    expect(issues.map(({ line, column }) => [line, column])).toEqual([
      [2, 7],
      [null, null],
      [null, null],
    ]);
  });

  test("reports what the author's code throws, and gives no rows", () => {
    const projector = projectorOf(() => {
      throw new Error("sorry");
    });
    expect(assemble(projector, { "settings.json": "{}" })).toEqual({
      rows: [],
      issues: [
        {
          path: "settings.json",
          line: null,
          column: null,
          code: "projector-threw",
          message: "assembling the root folder failed: sorry",
          severity: "error",
        },
      ],
    });
  });

  test.each([
    ["nothing at all", undefined],
    ["no rows", {}],
    ["rows that are none", { rows: [null] }],
    ["an issue without a path", { rows: [], issues: [{ code: "x", message: "x" }] }],
    ["a promise", Promise.resolve({ rows: [] })],
  ])("reports %s as a result", (_name, result) => {
    const projector = projectorOf((() => result) as unknown as Assemble);
    expect(assemble(projector, { "settings.json": "{}" })).toMatchObject({
      rows: [],
      issues: [{ code: "projector-threw" }],
    });
  });

  test("reports rows that cannot be stored, and keeps the others", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const bad = [
      NaN,
      new Date(0),
      new Map(),
      cycle,
      "a\0",
      "\ud83d",
      1n,
      () => 1,
      [undefined],
      { ["__proto__"]: 1 },
    ];
    const projector = projectorOf(() => ({
      rows: [
        ...bad.map((data, index) => ({ collection: "c", key: String(index), data })),
        { collection: "c", key: "good", data: { a: -0 } },
        { collection: "c", key: "good", data: 2 },
        { collection: "", key: "x", data: 3 },
        { collection: "c", key: "\0", data: 3 },
      ],
    }));
    const { rows, issues } = assemble(projector, { "settings.json": "{}" });
    expect(rows).toEqual([{ collection: "c", key: "good", data: { a: 0 } }]);
    expect(issues.map(({ code }) => code)).toEqual([
      ...bad.map(() => "row-not-json"),
      "duplicate-row",
      "row-not-json",
      "row-not-json",
    ]);
    expect(issues[1]?.message).toBe("c 1: the document is a Date, which cannot be stored as JSON");
  });

  test("keeps messages storable", () => {
    const projector = projectorOf(() => ({
      rows: [],
      issues: [{ path: "settings.json", code: "x", message: "a\0\ud83d" }],
    }));
    expect(assemble(projector, { "settings.json": "{}" }).issues[0]?.message).toBe("a\ufffd\ufffd");
  });

  test("does without a unit that lacks a required file, and says which", () => {
    const projector = projectorOf(
      () => {
        throw new Error("not to be called");
      },
      { required: ["canvas", "page"] },
    );
    expect(assemble(projector, { "canvases/a/settings.json": "{}" }, "canvases/a")).toMatchObject({
      rows: [],
      issues: [
        { path: "canvases/a/canvas.yaml", code: "missing-file", line: null },
        { path: "canvases/a/settings.json", code: "missing-file", line: null },
      ],
    });
  });

  test("reports files for which the author's unit fails, and assembles the others", () => {
    const projector = projectorOf((unit) => ({ rows: [{ collection: "unit", key: unit, data: 1 }] }), {
      unit: (path: string) => {
        if (path.startsWith("pages/")) {
          throw new Error("sorry");
        }
        return "all";
      },
    });
    expect(projector.select("pages/a.md")).toEqual({ kind: "page", unit: "pages/a.md" });
    expect(assemble(projector, { "pages/a.md": "---\ntitle: A\n---\n" }, "pages/a.md")).toMatchObject({
      rows: [],
      issues: [{ path: "pages/a.md", code: "projector-threw", message: "unit failed: sorry" }],
    });
    const mixed = assemble(projector, { "pages/a.md": "---\ntitle: A\n---\n", "settings.json": "{}" }, "all");
    expect(mixed.rows).toHaveLength(1);
    expect(mixed.issues).toHaveLength(1);
  });

  test("gives the same from documents that were kept as jsonb, which forgets the order of keys", () => {
    const projector = projectorOf((_unit, files) => ({
      rows: files.map(({ path, document }) => ({
        collection: "c",
        key: path,
        data: Object.entries(document),
      })),
      issues: files.map(({ path }) => ({ path, at: ["a"], code: "x", message: "x" })),
    }));
    const files = unitFiles(projector, { "settings.json": '{"zebra": 1, "bb": 2,\n "a": 3}' });
    const kept = files.map((file) => ({ ...file, document: reordered(file.document) }));
    expect(projector.assemble("", kept)).toEqual(projector.assemble("", files));
    expect(projector.assemble("", kept).issues[0]).toMatchObject({ line: 2, column: 7 });
  });
});

function reordered<T>(value: T): T {
  return Object.fromEntries(Object.entries(value as object).reverse()) as T;
}

describe("identity", () => {
  interface Changes {
    name?: string;
    revision?: string;
    policy?: "strict" | "lenient";
    match?: string;
    format?: "yaml" | "json";
    schema?: z.ZodType;
    required?: "a"[];
  }
  function identityOf({
    match = "*",
    format = "yaml",
    schema = z.object({ x: z.string(), y: z.number() }),
    ...rest
  }: Changes) {
    const kinds = { a: { match, format, schema } };
    return defineProjector({ name: "n", revision: "1", kinds, assemble: () => ({ rows: [] }), ...rest })
      .identity;
  }
  const base = identityOf({});

  test("is a digest that stays the same on every machine", () => {
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(identityOf({})).toBe(base);
    expect(identityOf({ policy: "strict" })).toBe(base);
    expect(identityOf({ schema: z.object({ y: z.number(), x: z.string() }) })).toBe(base);
  });

  test.each<[string, Changes]>([
    ["name", { name: "m" }],
    ["revision", { revision: "2" }],
    ["policy", { policy: "lenient" }],
    ["globs", { match: "**" }],
    ["format", { format: "json" }],
    ["required kinds", { required: ["a"] }],
    ["a property's type", { schema: z.object({ x: z.number(), y: z.number() }) }],
    ["an optional property", { schema: z.object({ x: z.string(), y: z.number().optional() }) }],
    ["a strict object", { schema: z.strictObject({ x: z.string(), y: z.number() }) }],
    ["a bound", { schema: z.object({ x: z.string().min(1), y: z.number() }) }],
    ["a default", { schema: z.object({ x: z.string().default("a"), y: z.number() }) }],
    [
      "what is read though not what is given",
      { schema: z.object({ x: z.string(), y: z.coerce.number().pipe(z.number().int()) }) },
    ],
  ])("changes with the %s", (_what, changes) => {
    expect(identityOf(changes)).not.toBe(base);
  });

  test("changes with every change of a schema that JSON Schema can tell", () => {
    const shapes = fc.dictionary(
      fc.constantFrom("a", "b", "c"),
      fc.constantFrom("string" as const, "number" as const, "boolean" as const),
      { maxKeys: 3 },
    );
    const types = { string: z.string(), number: z.number(), boolean: z.boolean() };
    const schemaOf = (shape: Record<string, keyof typeof types>) =>
      z.object(Object.fromEntries(Object.entries(shape).map(([key, type]) => [key, types[type]])));
    fc.assert(
      fc.property(shapes, shapes, (one, other) => {
        const same = isDeepStrictEqual({ ...one }, { ...other });
        expect(identityOf({ schema: schemaOf(one) }) === identityOf({ schema: schemaOf(other) })).toBe(same);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a projector that cannot be is refused where it is defined", () => {
  const fine = {
    name: "n",
    revision: "1",
    kinds: { a: { match: "*", format: "yaml", schema: z.unknown() } },
  } as const;
  const assemble = () => ({ rows: [] });
  test.each([
    ["no name", { ...fine, name: "" }],
    ["no revision", { ...fine, revision: "" }],
    ["no kinds", { ...fine, kinds: {} }],
    ["a policy that there is not", { ...fine, policy: "lax" as never }],
    ["a format that there is not", { ...fine, kinds: { a: { ...fine.kinds.a, format: "yml" as never } } }],
    ["an unknown required kind", { ...fine, required: ["b" as never] }],
    [
      "a schema with a transform",
      { ...fine, kinds: { a: { ...fine.kinds.a, schema: z.string().transform(Number) } } },
    ],
    ["a schema of dates", { ...fine, kinds: { a: { ...fine.kinds.a, schema: z.date() } } }],
    ["an empty glob", { ...fine, kinds: { a: { ...fine.kinds.a, match: "" } } }],
  ])("%s", (_name, options) => {
    expect(() => defineProjector({ ...options, assemble })).toThrow(
      expect.objectContaining({
        name: "ProjectorDefinitionError",
        code: "PROJECTOR_INVALID",
        hint: expect.any(String),
      }),
    );
  });
});

test("a kind that the projector does not have is a problem, also when objects have something of that name", () => {
  for (const kind of ["nothing", "constructor"]) {
    expect(
      projectorOf().parse(new Uint8Array(), { kind, limits: defaultDocumentLimits }).problems,
    ).toMatchObject([{ code: "projector-threw", message: `projector test has no kind ${kind}` }]);
  }
});

test("places survive: every value of a document is found where it is written", () => {
  const projector = defineProjector({
    name: "test",
    revision: "1",
    kinds: { any: { match: "**", format: "json", schema: z.unknown() } },
    assemble: (_unit, files) => ({
      rows: [],
      issues: files.flatMap(({ path, document }) => everyPath(path, document, [])),
    }),
  });
  const json = fc.json({ maxDepth: 4 }).filter((text) => !/__proto__|\d{16}/.test(text));
  fc.assert(
    fc.property(json, fc.constantFrom(0, 1, 3), (text, space) => {
      const written = JSON.stringify(JSON.parse(text), null, space);
      const lines = written.split("\n");
      for (const { line, column, message } of assemble(projector, { a: written }).issues) {
        const rest = [lines[line! - 1]!.slice(column! - 1), ...lines.slice(line!)].join("\n");
        expect(rest.startsWith(message)).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

/** One issue for each value, whose message is how that value begins. */
function everyPath(
  path: string,
  value: unknown,
  at: (string | number)[],
): { path: string; at: (string | number)[]; code: string; message: string }[] {
  const open = Array.isArray(value) ? "[" : "{";
  const nested = typeof value === "object" && value !== null;
  const children = nested ? Object.entries(value) : [];
  return [
    { path, at, code: "x", message: nested ? open : JSON.stringify(value) },
    ...children.flatMap(([key, child]) =>
      everyPath(path, child, [...at, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}
