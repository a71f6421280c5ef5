import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineProjector, type Projector } from "../../src/projector/projector.ts";
import type { FileChange } from "../support/git/scratch-repository.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };
const lenient = [notesProjector({ policy: "lenient" })];

/** Text that an index cannot compress. */
function random(length: number): string {
  return randomBytes(length).toString("hex").slice(0, length);
}

async function servedIssues({ materializer }: Project) {
  const { servedVersion } = await materializer.branch(main);
  return await materializer.readIssues(servedVersion ?? "");
}

test("a file whose path is bad stays out, also when a small change of its unit is built", async () => {
  await using project = await openProject({ projectors: lenient });
  const { upstream, materializer } = project;
  const latin = Buffer.from("notes/a/caf\xe9.json", "latin1");
  await upstream.commit("main", [
    [latin, note("bad path")],
    ["notes/a/x.json", note("1")],
  ]);
  await project.settle();
  const issues = await servedIssues(project);
  expect(issues).toMatchObject([{ path: "notes/a/caf\\xE9.json", code: "invalid-utf8" }]);
  for (const text of ["2", "3"]) {
    await upstream.commit("main", { "notes/a/x.json": note(text) });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": text });
    expect(await servedIssues(project)).toEqual(issues);
    expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  }
  await upstream.commit("main", [[latin, null]]);
  await project.settle();
  expect(await servedIssues(project)).toEqual([]);
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
});

test("a climbing path stays out through a delta as well", async () => {
  await using project = await openProject({ projectors: lenient });
  const { upstream, materializer } = project;
  const commit = async (text: string) => {
    const [bad, good] = [await upstream.writeBlob(note("climbs")), await upstream.writeBlob(note(text))];
    const above = await upstream.writeTree([{ mode: "100644", name: "y.json", oid: bad }]);
    const unit = await upstream.writeTree([
      { mode: "40000", name: "..", oid: above },
      { mode: "100644", name: "x.json", oid: good },
    ]);
    const notes = await upstream.writeTree([{ mode: "40000", name: "a", oid: unit }]);
    await upstream.commitTree(
      "main",
      await upstream.writeTree([{ mode: "40000", name: "notes", oid: notes }]),
    );
    await project.settle();
  };
  for (const text of ["1", "2"]) {
    await commit(text);
    expect(await project.notes("main")).toEqual({ "a/x.json": text });
    expect(await servedIssues(project)).toMatchObject([{ path: "notes/a/../y.json", code: "hostile-path" }]);
    expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  }
});

test("two files whose paths are shown alike are two files, whichever of them changes", async () => {
  await using project = await openProject({ projectors: lenient });
  const { upstream, materializer } = project;
  const latin = Buffer.from("notes/a/caf\xe9.json", "latin1");
  const literal = "notes/a/caf\\xE9.json";
  const changes: (readonly [string | Buffer, FileChange])[][] = [
    [
      [latin, note("bad")],
      [literal, note("1")],
    ],
    [[literal, note("2")]],
    [[latin, note("worse")]],
    [
      [latin, note("bad")],
      [literal, "{"],
    ],
    [
      [latin, null],
      [literal, note("3")],
    ],
  ];
  for (const change of changes) {
    const oid = await upstream.commit("main", change);
    await project.settle();
    expect(await materializer.branch(main)).toMatchObject({ servedOid: oid });
    expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  }
  expect(await project.notes("main")).toEqual({ "a/caf\\xE9.json": "3" });
});

const oddPaths: (string | Buffer)[] = [
  "notes/a/x.json",
  "notes/a/y.json",
  Buffer.from("notes/a/caf\xe9.json", "latin1"),
  "notes/a/caf\\xE9.json",
  Buffer.from("notes/\xff/x.json", "latin1"),
  `notes/a/${"long/".repeat(400)}x.json`,
  `notes/${"unit".repeat(300)}/x.json`,
];

const contents: (FileChange | null)[] = [note("1"), note("2", ["y"]), "{", { symlink: "x.json" }, null];

test("whatever changes among good and bad paths, small builds and whole ones agree", async () => {
  await using project = await openProject({ projectors: lenient });
  const { upstream, materializer } = project;
  const change = fc.tuple(fc.constantFrom(...oddPaths), fc.constantFrom(...contents));
  const steps = fc.array(fc.uniqueArray(change, { selector: ([path]) => path, minLength: 1, maxLength: 3 }), {
    minLength: 2,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      await upstream.forcePush("main", { "notes/a/x.json": note("0"), "notes/b/z.json": note("0") });
      for (const changes of history) {
        const oid = await upstream.commit("main", changes);
        await project.settle();
        expect(await materializer.branch(main)).toMatchObject({ servedOid: oid });
        expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
});

const longNames: [string, string][] = [
  ["of many bytes", `notes/a/${Array.from({ length: 12 }, () => random(240)).join("/")}/x.json`],
  ["of one long name", `notes/a/${random(2_400)}.json`],
  ["with a long unit", `notes/${random(1_200)}/x.json`],
];

test.each(longNames)("a path %s is an issue of its file, not a failure of the database", async (_, path) => {
  await using project = await openProject({ projectors: lenient });
  const { upstream, materializer } = project;
  await upstream.commit("main", { [path]: note("long"), "notes/a/x.json": note("1") });
  await project.settle();
  const [issue, ...others] = await servedIssues(project);
  expect(others).toEqual([]);
  expect(issue).toMatchObject({
    code: expect.stringMatching(/^(path|unit)-too-long$/) as string,
    message: expect.stringMatching(/more than (1600|800) bytes/) as string,
  });
  expect(issue?.path.startsWith(path.slice(0, 400)), "it shows which file").toBe(true);
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
});

test.each(longNames)("with a strict projector a path %s keeps its commit back", async (_, path) => {
  await using project = await openProject();
  await project.upstream.commit("main", { [path]: note("long") });
  await project.settle();
  expect(await project.materializer.branch(main)).toMatchObject({
    errorCode: "CONTENT_INVALID",
    parkedAt: null,
    dirty: false,
  });
  expect(await project.materializer.blockingIssues(main)).toMatchObject([
    { path: expect.stringContaining("notes/") as string, severity: "error" },
  ]);
});

test("the longest path, unit, collection and key that are accepted can be stored", async () => {
  const unit = random(800);
  const greatest: Projector = {
    ...notesProjector(),
    select: () => ({ kind: "note", unit }),
    assemble: (_, files) => ({
      rows: files.map(({ document }) => ({ collection: random(800), key: random(800), data: document })),
      issues: [],
    }),
  };
  await using project = await openProject({ projectors: [greatest] });
  const path = Array.from({ length: 8 }, () => random(199)).join("/") + "x";
  expect(path).toHaveLength(1_600);
  const latin = Buffer.from(`${"\xe9".repeat(1_500)}`, "latin1");
  const oid = await project.upstream.commit("main", { [path]: note("x") });
  await project.settle();
  expect(await project.materializer.branch(main)).toMatchObject({ servedOid: oid });
  await project.upstream.commit("main", [[latin, note("escapes to four times as much")]]);
  await project.settle();
  expect(await project.materializer.blockingIssues(main)).toMatchObject([{ code: "invalid-utf8" }]);
});

const tooLong: [string, { collection: string; key: string }][] = [
  ["key", { collection: "note", key: random(801) }],
  ["collection", { collection: random(801), key: "x" }],
];

test.each(tooLong)("a row whose %s is too long is an issue that says so", async (_, row) => {
  const projector = (policy: "strict" | "lenient") =>
    defineProjector({
      name: "notes",
      revision: "1",
      policy,
      kinds: { note: { match: "notes/**", format: "json", schema: z.unknown() } },
      assemble: () => ({ rows: [{ ...row, data: 1 }] }),
    });
  const issue = {
    path: "notes/a/x.json",
    code: "key-too-long",
    message: expect.stringContaining("800 bytes") as string,
  };
  await using strict = await openProject({ projectors: [projector("strict")] });
  await strict.upstream.commit("main", { "notes/a/x.json": "1" });
  await strict.settle();
  expect(await strict.materializer.blockingIssues(main)).toMatchObject([issue]);
  await using mild = await openProject({ projectors: [projector("lenient")] });
  await mild.upstream.commit("main", { "notes/a/x.json": "1" });
  await mild.settle();
  expect(await servedIssues(mild)).toMatchObject([issue]);
});
