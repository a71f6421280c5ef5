import { expect, test } from "vitest";
import { holdStatement } from "../support/held-statement.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";
import { buildGood, claimOne } from "../support/take-over.ts";

const main = { repository: "handbook", branch: "main" };
const draft = { repository: "handbook", branch: "drafts/d" };

/** A version of main, and a draft that changes one file of it. */
async function draftOfMain({ upstream, ...project }: Project): Promise<void> {
  const tip = await upstream.commit("main", {
    "notes/a/x.json": note("x"),
    "notes/a/y.json": note("y"),
    "notes/b/z.json": note("z"),
  });
  await project.settle();
  await upstream.branch("drafts/d", tip);
  await upstream.commit("drafts/d", { "notes/a/x.json": note("draft") });
}

/** Publishes a newer version of main, so that with a history of one the older is forgotten. */
async function moveMain({ upstream, materializer }: Project, text: string): Promise<void> {
  await upstream.commit("main", { "notes/b/z.json": note(text) });
  await materializer.observe("handbook");
  await materializer.materialize(await claimOne(materializer));
  await materializer.retain();
}

test("a build over a version that is forgotten meanwhile is made again, and has every row", async () => {
  await using project = await openProject({ settings: { history: 1 } });
  await draftOfMain(project);
  await using held = holdStatement(project.databaseUrl, /version_files f where f.version_id/);
  const slow = await project.another({ db: held.db });
  await slow.observe("handbook");
  const building = slow.materialize(await claimOne(slow));
  await held.reached();
  await moveMain(project, "z2");
  held.letGo();
  expect(await building).toMatchObject({ outcome: "published" });
  expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "draft", "a/y.json": "y", "b/z.json": "z" });
  expect(await project.materializer.verify(draft)).toMatchObject({ current: true, differences: [] });
});

test("what was built over a version that is forgotten is not published", async () => {
  await using project = await openProject({ settings: { history: 1 } });
  const { materializer } = project;
  await draftOfMain(project);
  await materializer.observe("handbook");
  const lease = await claimOne(materializer);
  const built = await buildGood(materializer, lease);
  await moveMain(project, "z2");
  await expect(materializer.publish(lease, built)).rejects.toMatchObject({ code: "VERSION_UNKNOWN" });
  expect(await project.notes("drafts/d")).toEqual({});
  expect(await materializer.materialize(lease)).toMatchObject({ outcome: "published" });
});

test("two branches that are built over each other's newest version at once are both published", async () => {
  await using project = await openProject({ settings: { history: 1 } });
  const { upstream, materializer } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("x"), "notes/b/y.json": note("y") });
  await upstream.branch("other", tip);
  await materializer.register({
    name: "handbook",
    url: project.url,
    projector: "notes",
    live: ["main", "other"],
  });
  await project.settle();
  for (let round = 0; round < 10; round += 1) {
    const [one, two] = [`${round} of main`, `${round} of other`];
    await upstream.commit("main", { "notes/a/x.json": note(one) });
    await upstream.commit("other", { "notes/b/y.json": note(two) });
    await materializer.observe("handbook");
    const leases = await materializer.claim({ limit: 2 });
    const results = await Promise.all(leases.map(async (lease) => await materializer.materialize(lease)));
    expect(results).toMatchObject([{ outcome: "published" }, { outcome: "published" }]);
    expect(await project.notes("main")).toMatchObject({ "a/x.json": one });
    expect(await project.notes("other")).toMatchObject({ "b/y.json": two });
  }
});

test("a lease that names the projector of before never settles a state of the new one", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  const older = await claimOne(materializer);
  const built = await buildGood(materializer, older);
  const next = await project.another({ projectors: [notesProjector({ revision: "2" })] });
  await next.register({ name: "handbook", url: project.url, projector: "notes" });
  // As a claim gives it whose statement began before the registration and reached the branch after it.
  const { desiredSeq } = await next.branch(main);
  const mixed = { ...older, seq: desiredSeq };
  await expect(materializer.publish(mixed, built)).rejects.toMatchObject({ code: "PROJECTOR_SUPERSEDED" });
  expect(await materializer.materialize(mixed)).toEqual({ outcome: "fenced" });
  expect(await next.explain(main)).toMatchObject({ current: false, status: "pending" });
  expect(await next.materialize(await claimOne(next)), "the lease was given back").toMatchObject({
    outcome: "published",
  });
  const { servedVersion } = await next.branch(main);
  expect((await next.readRows(servedVersion ?? "")).map((row) => row.data)).toMatchObject([
    { revision: "2" },
  ]);
});

test("an older state of the older projector may still be published: the newer one stays wanted", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  const older = await claimOne(materializer);
  const built = await buildGood(materializer, older);
  const next = await project.another({ projectors: [notesProjector({ revision: "2" })] });
  await next.register({ name: "handbook", url: project.url, projector: "notes" });
  expect(await materializer.publish(older, built)).toMatchObject({ served: true, behind: true });
  expect(await next.branch(main)).toMatchObject({ dirty: true });
});
