import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createMaterializer, type Materializer } from "@headstart/materializer";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canvasProjector } from "../../content/canvas-projector.ts";
import { drafts } from "../../content/content-history.ts";
import { createContentRepository, type Push } from "../../content/create-content-repository.ts";
import { scratchDatabase, type ScratchDatabase } from "../scratch-database.ts";

let folder: string;
let database: ScratchDatabase;
let db: pg.Pool;
let materializer: Materializer;
let pushes: Push[];
/** How many blobs each push made the materializer parse, where it made a version. */
const parsed = new Map<string, number>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "materialized-content-"));
  await chmod(folder, 0o755);
  database = await scratchDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 8 });
  const mirrors = { root: join(folder, "mirrors"), protocols: ["file" as const] };
  materializer = createMaterializer({ db, projectors: [canvasProjector], mirrors });
  await materializer.migrate();
  const repository = join(folder, "content");
  const runner = materializer.inProcessRunner();
  pushes = await createContentRepository(repository, {
    afterPush: async ({ branch, oid }) => {
      await materializer.register({
        name: "content",
        url: pathToFileURL(repository).href,
        projector: "canvases",
      });
      await runner.settle("content");
      if (oid === null || branch.startsWith("notes/")) return;
      const [version] = await materializer.history({ repository: "content", branch });
      if (version?.oid === oid) parsed.set(oid, version.blobsParsed);
    },
  });
});

afterAll(async () => {
  await materializer[Symbol.asyncDispose]();
  await db.end();
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function pushesOf(branch: string): Push[] {
  return pushes.filter((push) => push.branch === branch);
}

function on(branch: string): { repository: string; branch: string } {
  return { repository: "content", branch };
}

test("every branch that is good serves its last push, and git agrees", async () => {
  for (const branch of ["main", drafts.tidy, drafts.repaired, drafts.rewritten, drafts.consoles]) {
    const [version] = await materializer.history(on(branch));
    expect(version?.oid).toBe(pushesOf(branch).at(-1)?.oid);
    expect(await materializer.verify(on(branch))).toMatchObject({ current: true, differences: [] });
  }
});

test("main has every canvas, node, edge and panel", async () => {
  const [version] = await materializer.history(on("main"));
  const { rows } = await db.query<{ collection: string; count: number }>(
    `select collection, count(*)::integer as count from headstart_materializer.branch_rows
      where repository = 'content' and ref = 'refs/heads/main' group by 1 order by 1`,
  );
  expect(rows).toEqual([
    { collection: "canvas", count: 54 },
    { collection: "edge", count: 240 },
    { collection: "node", count: 342 },
    { collection: "panel", count: 12 },
  ]);
  expect(await materializer.readIssues(version?.id ?? "")).toEqual([]);
});

test("a node has the columns of the example's table", async () => {
  const [version] = await materializer.history(on("main"));
  const nodes = await materializer.readRows(version?.id ?? "", { collection: "node" });
  expect(nodes.find(({ key }) => key === "harbor#harbor/beacon-cli")?.data).toEqual({
    canvas: "harbor",
    key: "harbor/beacon-cli",
    kind: "repository",
    title: "harbor/beacon-cli",
    x: 320,
    y: 180,
    width: 280,
    height: 140,
    source: { repository: "harbor/beacon-cli" },
  });
});

test("a broken draft serves nothing and says where it is wrong", async () => {
  expect(await materializer.history(on(drafts.broken))).toEqual([]);
  const issues = await materializer.blockingIssues(on(drafts.broken));
  const told = issues.map(({ path, line, column, code }) => `${path}:${line ?? ""}:${column ?? ""} ${code}`);
  expect(told.toSorted()).toEqual([
    "canvases/lantern/atlas-api/canvas.yaml:3:1 yaml-tab-as-indent",
    "canvases/lantern/atlas-api/canvas.yaml:4:3 yaml-bad-indent",
    "canvases/lantern/beacon-worker/canvas.yaml:6:83 schema-invalid-type",
    "canvases/lantern/canvas.yaml:: missing-file",
    "canvases/lantern/compass-web/canvas.yaml:14:35 missing-node",
  ]);
});

test("what a push costs follows the blobs that nobody saw before", () => {
  const cost = (branch: string) => pushesOf(branch).map(({ oid }) => parsed.get(oid ?? ""));
  // Every canvas; six consoles of one content; a board and an overview that name it; nothing selected; one title.
  expect(cost("main")).toEqual([54, 1, 2, 0, 1]);
  expect(cost(drafts.tidy)).toEqual([1]);
  expect(cost(drafts.consoles)).toEqual([1]);
});

test("a draft says how far it is behind, and a deleted one is gone", async () => {
  expect(await materializer.behind({ ...on(drafts.tidy), base: "main" })).toMatchObject({
    ahead: 1,
    behind: 1,
  });
  expect(await materializer.branch(on(drafts.abandoned))).toMatchObject({
    deletedAt: expect.any(Date),
    servedOid: null,
  });
});
