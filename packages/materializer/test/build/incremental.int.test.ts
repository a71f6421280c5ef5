import { expect, test } from "vitest";
import { note, openProject } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

function tree(units: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: units }, (_, n) => [
      [`notes/u${n}/a.json`, note(`a${n}`)],
      [`notes/u${n}/b.json`, note(`b${n}`, ["a"])],
    ]).flat(),
  );
}

test("a draft at main's tip parses nothing and assembles nothing", async () => {
  await using project = await openProject();
  const tip = await project.upstream.commit("main", tree(50));
  await project.settle();
  await project.upstream.branch("drafts/d", tip);
  await project.settle();
  const [version] = await project.materializer.history({ ...main, branch: "drafts/d" });
  expect(version).toMatchObject({ blobsParsed: 0, blobsReused: 0, unitsAssembled: 0 });
  expect(Object.keys(await project.notes("drafts/d"))).toHaveLength(100);
});

test("one changed file costs its own unit, on main and on a draft of it", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const tip = await upstream.commit("main", tree(50));
  await project.settle();
  await upstream.branch("drafts/d", tip);
  for (const branch of ["main", "drafts/d"]) {
    await upstream.commit(branch, { "notes/u7/a.json": note(`changed on ${branch}`) });
    await project.settle();
    const [version] = await materializer.history({ ...main, branch });
    expect(version).toMatchObject({ blobsParsed: 1, blobsReused: 1, unitsAssembled: 1 });
    expect(await materializer.verify({ ...main, branch })).toMatchObject({ current: true, differences: [] });
  }
});

test("content that was seen before is not parsed again, wherever it comes back", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("one"), "notes/a/y.json": note("two") });
  await project.settle();
  await upstream.commit("main", { "notes/a/x.json": note("two"), "notes/b/z.json": note("one") });
  await project.settle();
  const [version] = await materializer.history(main);
  expect(version).toMatchObject({ blobsParsed: 0 });
});

test("a long line of small commits stays equal to a build from nothing, through every fold of its delta", async () => {
  await using project = await openProject({ settings: { history: 100 } });
  const { upstream, materializer, db } = project;
  await upstream.commit("main", tree(60));
  await project.settle();
  for (let n = 0; n < 36; n += 1) {
    const change = n % 5 === 4 ? null : note(`${n}`);
    await upstream.commit("main", { [`notes/u${n}/a.json`]: change, [`notes/u${n}/b.json`]: note(`b${n}`) });
    await project.settle();
  }
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
  const { rows } = await db.query<{ bases: number }>(
    "select count(distinct base_segment)::int as bases from headstart_materializer.versions",
  );
  expect(rows[0]?.bases, "the delta was folded into a new base on the way").toBeGreaterThan(1);
  await materializer.retain();
  expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
});

test("a rebuild reads everything from git again, and shares no row", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", tree(5));
  await project.settle();
  await materializer.rebuild(main);
  await project.settle();
  const versions = await materializer.history(main);
  expect(versions).toHaveLength(2);
  expect(versions[0]).toMatchObject({ unitsAssembled: 5, oid: versions[1]?.oid });
});
