import { expect, test } from "vitest";
import { note, openProject, type Project } from "../support/open-project.ts";
import { buildGood, claimOne } from "../support/take-over.ts";

const main = { repository: "handbook", branch: "main" };
const draft = { repository: "handbook", branch: "drafts/1" };

async function counts({ db }: Project) {
  const { rows } = await db.query<Record<"versions" | "segments" | "rows" | "branches" | "events", number>>(
    `select (select count(*)::int from headstart_materializer.versions) as versions,
            (select count(*)::int from headstart_materializer.segments) as segments,
            (select count(*)::int from headstart_materializer.segment_rows) as rows,
            (select count(*)::int from headstart_materializer.branches) as branches,
            (select count(*)::int from headstart_materializer.events) as events`,
  );
  return rows[0]!;
}

test("what deleted drafts stored is freed; their rows and events stay, and nothing that is served is touched", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("main") });
  await upstream.commit("drafts/kept", { "notes/a/x.json": note("kept") });
  await project.settle();
  await materializer.retain();
  const before = await counts(project);
  const names = Array.from({ length: 6 }, (_, n) => `drafts/${n}`);
  for (const name of names) await upstream.commit(name, { "notes/a/x.json": note(name) });
  await project.settle();
  for (const name of names) await upstream.deleteBranch(name);
  await project.settle();
  await materializer.confirmDeletions("handbook");
  await project.settle();
  expect(await materializer.retain()).toMatchObject({ versions: 6, segments: 6 });
  const after = await counts(project);
  expect(after).toEqual({ ...before, branches: before.branches + 6, events: before.events + 12 });
  expect(await materializer.retain()).toEqual({ versions: 0, segments: 0, blobs: 0 });
  for (const name of ["main", "drafts/kept"])
    expect(await materializer.verify({ ...main, branch: name })).toMatchObject({
      current: true,
      differences: [],
    });
});

test("a draft made again after its past was freed is a new life of it, and a builder of the past is fenced out", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("main") });
  await upstream.commit("drafts/1", { "notes/a/x.json": note("past") });
  await project.settle();
  await upstream.commit("drafts/1", { "notes/a/x.json": note("unfinished") });
  await materializer.observe("handbook");
  const dead = await claimOne(materializer);
  const built = await buildGood(materializer, dead);
  await upstream.deleteBranch("drafts/1");
  await project.settle();
  await materializer.retain();
  const again = await upstream.forcePush("drafts/1", { "notes/a/x.json": note("again") });
  await project.settle();
  await expect(materializer.publish(dead, built)).rejects.toMatchObject({ code: "LEASE_LOST" });
  await materializer.retain();
  expect(await materializer.branch(draft)).toMatchObject({ incarnation: 2, servedOid: again });
  expect(await materializer.history(draft)).toHaveLength(1);
  expect(await materializer.verify(draft)).toMatchObject({ current: true, differences: [] });
  const positions: number[] = [];
  await materializer.consume({
    consumer: "test",
    handler: async ({ branch, position }) => {
      if (branch === "refs/heads/drafts/1") positions.push(position);
    },
  });
  expect(positions).toEqual([1, 2, 3]);
});
