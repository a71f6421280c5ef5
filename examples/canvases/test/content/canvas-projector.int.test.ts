import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { ContentIssue, DocumentLimits, Projector, Row } from "@headstart/materializer";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canvasProjector } from "../../content/canvas-projector.ts";
import { drafts } from "../../content/content-history.ts";
import { createContentRepository } from "../../content/create-content-repository.ts";

type UnitFile = Parameters<Projector["assemble"]>[1][number];

const limits: DocumentLimits = {
  maxBytes: 100_000,
  maxDepth: 10,
  maxNodes: 10_000,
  maxAliases: 0,
  maxProblems: 10,
};

let folder: string;
let repository: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "canvas-projector-"));
  repository = join(folder, "content");
  await createContentRepository(repository);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Everything that a branch holds, projected in one go: the files that cannot be read are left out. */
async function project(branch: string): Promise<{ rows: Row[]; issues: ContentIssue[] }> {
  const units = new Map<string, UnitFile[]>();
  const issues: ContentIssue[] = [];
  for (const [path, content] of await filesOf(branch)) {
    const selected = canvasProjector.select(path);
    if (selected === null) continue;
    const { kind, unit } = selected;
    const { document, problems } = canvasProjector.parse(content, { kind, limits });
    issues.push(...problems.map((problem) => ({ ...problem, path })));
    const files = units.get(unit) ?? [];
    units.set(unit, files);
    if (document !== undefined) files.push({ path, kind, oid: "", mode: "100644", document });
  }
  const assembled = [...units].map(([unit, files]) => canvasProjector.assemble(unit, files));
  return {
    rows: assembled.flatMap(({ rows }) => rows),
    issues: [...issues, ...assembled.flatMap((unit) => unit.issues)],
  };
}

/** In the order of their paths. */
async function filesOf(branch: string): Promise<[path: string, content: Buffer][]> {
  const desk = await mkdtemp(join(folder, "desk-"));
  await execa("git", ["clone", "--quiet", "--branch", branch, repository, desk]);
  const entries = await readdir(join(desk, "canvases"), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.sort((a, b) => (a < b ? -1 : 1)).map(async (path) => [relative(desk, path), await readFile(path)]),
  );
}

function count(rows: readonly Row[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { collection } of rows) counts[collection] = (counts[collection] ?? 0) + 1;
  return counts;
}

test("main has every canvas, its nodes, its edges and its panels, and nothing wrong", async () => {
  const { rows, issues } = await project("main");
  expect(issues).toEqual([]);
  expect(count(rows)).toEqual({ canvas: 54, node: 342, edge: 240, panel: 12 });
  expect(new Set(rows.map(({ collection, key }) => `${collection} ${key}`)).size).toBe(rows.length);
});

test("a node has the columns of the example's table", async () => {
  const { rows } = await project("main");
  expect(rows.find(({ key }) => key === "harbor#harbor/beacon-cli")).toEqual({
    collection: "node",
    key: "harbor#harbor/beacon-cli",
    data: {
      canvas: "harbor",
      key: "harbor/beacon-cli",
      kind: "repository",
      title: "harbor/beacon-cli",
      x: 320,
      y: 180,
      width: 280,
      height: 140,
      source: { repository: "harbor/beacon-cli" },
    },
  });
});

test("what is wrong in a draft is told by file, line and column", async () => {
  const { issues } = await project(drafts.broken);
  expect(issues.map(({ path, line, column, code }) => `${path}:${line}:${column} ${code}`))
    .toMatchInlineSnapshot(`
    [
      "canvases/lantern/atlas-api/canvas.yaml:3:1 yaml-tab-as-indent",
      "canvases/lantern/atlas-api/canvas.yaml:4:3 yaml-bad-indent",
      "canvases/lantern/beacon-worker/canvas.yaml:6:83 schema-invalid-type",
      "canvases/lantern/compass-web/canvas.yaml:14:35 missing-node",
      "canvases/lantern/canvas.yaml:null:null missing-file",
    ]
  `);
});

test("a draft that was repaired has nothing wrong, nor has any other", async () => {
  for (const branch of [drafts.tidy, drafts.repaired, drafts.rewritten, drafts.consoles]) {
    expect((await project(branch)).issues).toEqual([]);
  }
});
