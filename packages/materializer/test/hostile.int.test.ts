import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineProjector, type Json } from "../src/projector/projector.ts";
import { notesProjector } from "./support/notes-projector.ts";
import { note, openProject, type Project } from "./support/open-project.ts";

const handbook = "handbook";
const bad = { repository: handbook, branch: "drafts/bad" };

/** Publishes a hostile draft beside two good branches, which must not notice. */
async function publish(project: Project, hostile: (project: Project) => Promise<unknown>): Promise<void> {
  await project.upstream.commit("main", { "notes/a/x.json": note("main") });
  await project.upstream.commit("drafts/good", { "notes/a/x.json": note("good") });
  await hostile(project);
  await project.settle();
  expect(await project.notes("main")).toEqual({ "a/x.json": "main" });
  expect(await project.notes("drafts/good")).toEqual({ "a/x.json": "good" });
}

const tidy = defineProjector({
  name: "notes",
  revision: "1",
  kinds: {
    note: { match: "notes/**/*.json", format: "json", schema: z.object({ text: z.string() }) },
    plan: { match: "notes/**/*.yaml", format: "yaml", schema: z.unknown() },
  },
  unit: (path) => path.split("/")[1] ?? "",
  assemble: (_, files) => ({
    rows: files.map(({ path, document }) => ({
      collection: "note",
      key: path.slice("notes/".length),
      data: document as Json,
    })),
  }),
});

const lfsPointer =
  "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 12345\n";

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("a symbolic link is an issue, and is not followed", async () => {
    await using project = await openProject({ over });
    await publish(project, async ({ upstream }) => {
      await upstream.commit("drafts/bad", { "notes/a/link.json": { symlink: "/etc/passwd" } });
    });
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([
      { path: "notes/a/link.json", code: "symlink" },
    ]);
  });

  test("a submodule is an issue, and is not read", async () => {
    await using project = await openProject({ over });
    await publish(project, async ({ upstream }) => {
      await upstream.commit("drafts/bad", { "notes/a/module.json": { submodule: "1".repeat(40) } });
    });
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([
      { path: "notes/a/module.json", code: "submodule" },
    ]);
  });

  test("a path that is no valid UTF-8, or climbs, is an issue that shows it", async () => {
    await using project = await openProject({ over });
    await publish(project, async ({ upstream }) => {
      const oid = await upstream.writeBlob(note("x"));
      const unit = await upstream.writeTree([
        { mode: "100644", name: Buffer.from([0xff, 0xfe, ...Buffer.from(".json")]), oid },
      ]);
      const notes = await upstream.writeTree([{ mode: "40000", name: "a", oid: unit }]);
      await upstream.commitTree(
        "drafts/bad",
        await upstream.writeTree([{ mode: "40000", name: "notes", oid: notes }]),
      );
    });
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([{ code: "invalid-utf8" }]);
  });

  test("paths with newlines, quotes and SQL in them are paths", async () => {
    await using project = await openProject({ over });
    const names = [
      "new\nline",
      'quo"te',
      "it's; drop table x",
      "tab\tbed",
      "\u202Eback",
      "e\u0301 and \u00e9",
    ];
    const files = Object.fromEntries(names.map((name) => [`notes/a/${name}.json`, note(name)]));
    await publish(project, async ({ upstream }) => await upstream.commit("drafts/bad", files));
    expect(await project.notes("drafts/bad")).toEqual(
      Object.fromEntries(names.map((name) => [`a/${name}.json`, name])),
    );
    expect(await project.materializer.verify(bad)).toMatchObject({ current: true, differences: [] });
  });

  test("content that Postgres cannot hold is an issue of its file", async () => {
    await using project = await openProject({ over });
    await publish(
      project,
      async ({ upstream }) => await upstream.commit("drafts/bad", { "notes/a/x.json": note("a\0b") }),
    );
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([
      { path: "notes/a/x.json", code: "unstorable-character" },
    ]);
  });

  test("attributes and filters change nothing: what is committed is what is projected", async () => {
    await using project = await openProject({ over });
    await publish(project, async ({ upstream }) => {
      const attributes =
        "*.json export-ignore export-subst ident text eol=crlf filter=evil working-tree-encoding=UTF-16\n";
      await upstream.commit("drafts/bad", {
        ".gitattributes": attributes,
        "notes/a/x.json": note("$Id$ $Format:%H$\n"),
      });
    });
    expect(await project.notes("drafts/bad")).toEqual({ "a/x.json": "$Id$ $Format:%H$\n" });
  });

  test("a tree of more files than are allowed is refused as content, once, and is not tried again", async () => {
    await using project = await openProject({ over, mirrorLimits: { maxFiles: 20 } });
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`notes/a/${n}.json`, note(`${n}`)]),
    );
    await publish(project, async ({ upstream }) => await upstream.forcePush("drafts/bad", files));
    const branch = await project.materializer.branch(bad);
    expect(branch).toMatchObject({ errorCode: "GIT_TOO_LARGE", dirty: false, parkedAt: null });
  });

  test("a lenient projector leaves bad files out and says so beside the rows", async () => {
    await using project = await openProject({ over, projectors: [notesProjector({ policy: "lenient" })] });
    await publish(project, async ({ upstream }) => {
      await upstream.commit("drafts/bad", { "notes/a/x.json": note("x"), "notes/a/broken.json": "{" });
    });
    expect(await project.notes("drafts/bad")).toEqual({ "a/x.json": "x" });
    const { servedVersion } = await project.materializer.branch(bad);
    expect(await project.materializer.readIssues(servedVersion ?? "")).toMatchObject([
      { path: "notes/a/broken.json" },
    ]);
    expect(await project.materializer.verify(bad)).toMatchObject({ current: true, differences: [] });
  });

  test("a pointer of LFS is an issue that says what to do, not content", async () => {
    await using project = await openProject({ over, projectors: [tidy] });
    await publish(project, async ({ upstream }) => {
      await upstream.commit("drafts/bad", { "notes/a/big.json": lfsPointer });
    });
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([
      {
        path: "notes/a/big.json",
        code: "lfs-pointer",
        message: expect.stringContaining("git lfs untrack") as string,
      },
    ]);
  });

  test("a YAML bomb, a flood of aliases and a deep nest are issues of their files", async () => {
    await using project = await openProject({ over, projectors: [tidy] });
    const levels = Array.from(
      { length: 12 },
      (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}*l${n}]`,
    );
    await publish(project, async ({ upstream }) => {
      await upstream.commit("drafts/bad", {
        "notes/a/bomb.yaml": `l0: &l0 [lol]\n${levels.join("\n")}\n`,
        "notes/a/many.yaml": `a: &a x\nall: [${"*a,".repeat(5_000)}*a]\n`,
        "notes/a/deep.yaml": `${"[".repeat(500)}${"]".repeat(500)}`,
      });
    });
    const issues = await project.materializer.blockingIssues(bad);
    expect(new Set(issues.map(({ path }) => path))).toEqual(
      new Set(["notes/a/bomb.yaml", "notes/a/many.yaml", "notes/a/deep.yaml"]),
    );
  });

  test("a tree whose paths climb or hide in git's folder is an issue for each", async () => {
    await using project = await openProject({ over });
    await publish(project, async ({ upstream }) => {
      const oid = await upstream.writeBlob(note("x"));
      const leaf = await upstream.writeTree([{ mode: "100644", name: "x.json", oid }]);
      const unit = await upstream.writeTree([
        { mode: "40000", name: "..", oid: leaf },
        { mode: "40000", name: ".git", oid: leaf },
      ]);
      const notes = await upstream.writeTree([{ mode: "40000", name: "a", oid: unit }]);
      await upstream.commitTree(
        "drafts/bad",
        await upstream.writeTree([{ mode: "40000", name: "notes", oid: notes }]),
      );
    });
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([
      { path: "notes/a/../x.json", code: "hostile-path" },
      { path: "notes/a/.git/x.json", code: "hostile-path" },
    ]);
  });
});

test.each(["file", "http"] as const)(
  "over %s: a blob of a gigabyte is an issue with its size, and is not read",
  async (over) => {
    await using project = await openProject({ over });
    await publish(project, async ({ upstream }) => {
      const huge = join(upstream.directory, "huge");
      await writeFile(huge, "");
      await truncate(huge, 2 ** 30);
      // Straight into a pack: a loose one would be packed anew for each fetch.
      const quickly = ["-c", "core.compression=1", "-c", "core.bigFileThreshold=1m"];
      const written = await upstream.git([...quickly, "hash-object", "-w", "--no-filters", huge]);
      const big = written.toString().trim();
      const unit = await upstream.writeTree([{ mode: "100644", name: "huge.json", oid: big }]);
      const notes = await upstream.writeTree([{ mode: "40000", name: "a", oid: unit }]);
      await upstream.commitTree(
        "drafts/bad",
        await upstream.writeTree([{ mode: "40000", name: "notes", oid: notes }]),
      );
    });
    expect(await project.materializer.blockingIssues(bad)).toMatchObject([
      {
        path: "notes/a/huge.json",
        code: "file-too-large",
        message: expect.stringContaining("1073741824") as string,
      },
    ]);
  },
);

test("over HTTP: a wrong password and a rate limit are told apart, nothing served is touched, and it heals", async () => {
  await using project = await openProject({ over: "http", settings: { pollMinMs: 1 } });
  const { upstream, server } = project;
  if (server === undefined) throw new Error("the project is not served over HTTP");
  await upstream.commit("main", { "notes/a/x.json": note("served") });
  await project.settle();
  server.faults.basicAuth = { username: "robot", password: "s3cret-of-ours" };
  await expect(project.materializer.observe(handbook)).rejects.toMatchObject({ kind: "AuthFailed" });
  server.faults.basicAuth = undefined;
  server.faults.answer = { status: 429, headers: { "retry-after": "120" } };
  await expect(project.materializer.observe(handbook)).rejects.toMatchObject({ kind: "RateLimited" });
  expect(await project.notes("main")).toEqual({ "a/x.json": "served" });
  expect(
    (await project.materializer.explain({ repository: handbook, branch: "main" })).reasons.join("\n"),
  ).toMatch(/GIT_RATE_LIMITED/);
  server.faults.answer = undefined;
  await upstream.commit("main", { "notes/a/x.json": note("healed") });
  await project.settle();
  expect(await project.notes("main")).toEqual({ "a/x.json": "healed" });
});
