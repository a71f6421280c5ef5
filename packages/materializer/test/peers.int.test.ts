import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { note, openProject } from "./support/open-project.ts";
import { buildGood, claimOne, expireLeases } from "./support/take-over.ts";

const handbook = "handbook";

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("hints that never come, or come a thousand times: polling finds every push (GitLab 34845: more than three refs; Bitbucket BCLOUD-22312)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    for (let n = 0; n < 5; n += 1) await upstream.commit(`drafts/${n}`, { "notes/a/x.json": note(`${n}`) });
    expect(await materializer.observe(handbook)).toMatchObject({ outcome: "changed", appeared: 5 });
    await project.settle();
    expect(await project.notes("drafts/4")).toEqual({ "a/x.json": "4" });
  });

  test("a second look at an unchanged repository finds nothing new (Infrahub #8859)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    expect(await materializer.observe(handbook)).toMatchObject({ outcome: "unchanged" });
    expect(await materializer.claim()).toEqual([]);
  });

  test("one branch that was force-pushed or is broken keeps no other from moving (Infrahub #9463)", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    for (const name of ["drafts/a", "drafts/b", "drafts/c"])
      await upstream.commit(name, { "notes/a/x.json": note("1") });
    await project.settle();
    await upstream.forcePush("drafts/a", { "notes/a/x.json": "{" });
    await upstream.commit("drafts/b", { "notes/a/x.json": note("2") });
    await upstream.forcePush("drafts/c", { "notes/b/y.json": note("3") });
    await project.settle();
    expect(await project.notes("drafts/b")).toEqual({ "a/x.json": "2" });
    expect(await project.notes("drafts/c")).toEqual({ "b/y.json": "3" });
  });

  test("the default branch is live whatever its name, and when it changes (Infrahub #9600)", async () => {
    await using project = await openProject({ over, upstream: { defaultBranch: "trunk" } });
    const { upstream, materializer } = project;
    await upstream.commit("trunk", { "notes/a/x.json": note("1") });
    await project.settle();
    expect(await materializer.branch({ repository: handbook, branch: "trunk" })).toMatchObject({
      class: "live",
    });
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await upstream.setDefaultBranch("main");
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
    expect(await project.notes("trunk")).toEqual({});
  });

  test("an empty repository is no error, and its first push is found", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    expect(await materializer.observe(handbook)).toMatchObject({ outcome: "unchanged" });
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
  });

  test("branches that differ by case are two (Gitea #31382)", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    await upstream.commit("drafts/A", { "notes/a/x.json": note("upper") });
    await upstream.commit("drafts/a", { "notes/a/x.json": note("lower") });
    await project.settle();
    expect(await project.notes("drafts/A")).toEqual({ "a/x.json": "upper" });
    expect(await project.notes("drafts/a")).toEqual({ "a/x.json": "lower" });
  });

  test("a draft replaced by drafts below its name, and back, in one push each (Gitaly's merge request 4745)", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    await upstream.commit("main", { "notes/a/x.json": note("0") });
    await upstream.commit("drafts/x", { "notes/a/x.json": note("1") });
    await project.settle();
    await upstream.deleteBranch("drafts/x");
    await upstream.forcePush("drafts/x/y", { "notes/a/x.json": note("2") });
    await project.settle();
    expect(await project.notes("drafts/x")).toEqual({});
    expect(await project.notes("drafts/x/y")).toEqual({ "a/x.json": "2" });
    await upstream.deleteBranch("drafts/x/y");
    await upstream.forcePush("drafts/x", { "notes/a/x.json": note("3") });
    await project.settle();
    expect(await project.notes("drafts/x")).toEqual({ "a/x.json": "3" });
  });

  test("names that look like options are names", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, url } = project;
    await materializer.register({ name: handbook, url, projector: "notes", drafts: ["**"] });
    const names = ["-evil", "--upload-pack=x", "drafts/$(touch${IFS}x)", "drafts/';drop-table-branches;--"];
    for (const name of names) {
      const oid = await upstream.commit("seed", { "notes/a/x.json": note(name) });
      await upstream.git(["update-ref", `refs/heads/${name}`, oid]);
    }
    await project.settle();
    for (const name of names) {
      expect(await project.notes(name), name).toEqual({ "a/x.json": name });
    }
  });

  test("a hundred branches in a minute are a hundred versions (Infrahub #7222)", async () => {
    await using project = await openProject({ over });
    const { upstream, db } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    for (let n = 0; n < 100; n += 1) await upstream.branch(`drafts/${n}`, tip);
    await project.settle();
    const { rows } = await db.query(
      "select count(*)::int as n, sum(blobs_parsed)::int as parsed from headstart_materializer.versions",
    );
    expect(rows).toEqual([{ n: 101, parsed: 1 }]);
  });

  test("registrations of one url share one mirror (Kargo #5899, Flux source-controller #964)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, url } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    for (let n = 0; n < 10; n += 1) {
      await materializer.register({ name: `tenant-${n}`, url, projector: "notes" });
      await materializer.inProcessRunner().settle(`tenant-${n}`);
    }
    const { root } = project;
    expect((await readdir(root)).filter((name) => !name.startsWith("."))).toHaveLength(1);
  });

  test("a commit that touches no selected file moves the branch and costs no unit (Argo CD #14242)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    const oid = await upstream.commit("main", { "docs/readme.md": "nothing of ours" });
    await project.settle();
    const [version] = await materializer.history({ repository: handbook, branch: "main" });
    expect(version).toMatchObject({ oid, blobsParsed: 0, unitsAssembled: 0 });
  });

  test("a branch deleted and made again under its name is projected again (TinaCMS #5656)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("drafts/d", { "notes/a/x.json": note("first") });
    await project.settle();
    await upstream.commit("main", { "notes/a/x.json": note("main") });
    await upstream.deleteBranch("drafts/d");
    await project.settle();
    expect(await project.notes("drafts/d")).toEqual({});
    await upstream.forcePush("drafts/d", { "notes/a/x.json": note("first") });
    await project.settle();
    expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "first" });
    expect(await materializer.verify({ repository: handbook, branch: "drafts/d" })).toMatchObject({
      current: true,
      differences: [],
    });
  });

  test("a build that was given up for dead and goes on writing changes nothing (MergeStat #1098)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, db } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await materializer.observe(handbook);
    const late = await claimOne(materializer);
    await expireLeases(db);
    const other = await project.another();
    await other.materialize(await claimOne(other));
    // All of its work is still to come.
    expect(await materializer.materialize(late)).toEqual({ outcome: "fenced" });
    expect(await materializer.history({ repository: handbook, branch: "main" })).toHaveLength(2);
    expect(await project.verifyAll()).toMatchObject([{ current: true, differences: [] }]);
  });

  test("one push of many branches moves them all (Gitea's loop that ended after the first)", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    const first = await upstream.commit("main", { "notes/a/x.json": note("1") });
    for (const name of ["drafts/a", "drafts/b", "drafts/c"]) await upstream.branch(name, first);
    await project.settle();
    const second = await upstream.commit("main", { "notes/a/x.json": note("2") });
    const moves = ["drafts/a", "drafts/b", "drafts/c"].map((name) => `update refs/heads/${name} ${second}\n`);
    await upstream.git(["update-ref", "--stdin"], moves.join(""));
    await project.materializer.hint({ repository: handbook, branch: "drafts/a" });
    await project.settle();
    for (const { current, differences } of await project.verifyAll())
      expect({ current, differences }).toEqual({ current: true, differences: [] });
  });

  test("one new draft announced to two workers at once is one draft, built once (the original's event storm)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const other = await project.another();
    await upstream.commit("drafts/new", { "notes/a/x.json": note("1") });
    const message = {
      type: "repository-branch-updated",
      repository: handbook,
      branch: "drafts/new",
    } as const;
    await Promise.all(
      [materializer, other].map(async (worker) => await worker.inProcessRunner().request(message)),
    );
    await project.settle();
    expect(await materializer.history({ repository: handbook, branch: "drafts/new" })).toHaveLength(1);
    const events: string[] = [];
    await materializer.consume({
      consumer: "test",
      handler: async ({ branch, event }) => void events.push(`${branch} ${event}`),
    });
    expect(events).toEqual(["refs/heads/drafts/new branch-materialized"]);
  });

  test("work that is done twice tells of it once (GitLab's PostReceive, issue 18500)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await materializer.observe(handbook);
    const lease = await claimOne(materializer);
    const built = await buildGood(materializer, lease);
    await materializer.publish(lease, built);
    await expect(materializer.publish(lease, built)).rejects.toMatchObject({ code: "LEASE_LOST" });
    await materializer.hint({ repository: handbook });
    await project.settle();
    const positions: number[] = [];
    await materializer.consume({
      consumer: "test",
      handler: async ({ position }) => void positions.push(position),
    });
    expect(positions).toEqual([1]);
  });

  test("a version is all of one commit, though the branch moves between two reads of it (PostHog #56241)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("old"), "notes/b/y.json": note("old") });
    await materializer.observe(handbook);
    const lease = await claimOne(materializer);
    const moved = upstream.commit("main", {
      "notes/a/x.json": note("new"),
      "notes/b/y.json": note("new"),
    });
    const built = await materializer.build(lease, { signal: new AbortController().signal });
    await moved;
    await materializer.observe(handbook);
    if (built.kind !== "built") throw new Error("the build is invalid");
    await materializer.publish(lease, built);
    expect(await project.notes("main")).toEqual({ "a/x.json": "old", "b/y.json": "old" });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "new", "b/y.json": "new" });
  });

  test("a listing that lost most branches deletes nothing until somebody confirms", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    for (let n = 0; n < 6; n += 1) await upstream.commit(`drafts/${n}`, { "notes/a/x.json": note(`${n}`) });
    await project.settle();
    for (let n = 0; n < 6; n += 1) await upstream.deleteBranch(`drafts/${n}`);
    expect(await materializer.observe(handbook)).toMatchObject({
      deleted: 0,
      guard: expect.stringContaining("6 of 7") as string,
    });
    expect(await project.notes("drafts/0")).toEqual({ "a/x.json": "0" });
    const explained = await materializer.explain({ repository: handbook, branch: "drafts/0" });
    expect(explained.reasons.join("\n")).toMatch(/confirmDeletions/);
    await materializer.confirmDeletions(handbook);
    expect(await materializer.observe(handbook)).toMatchObject({ deleted: 6, guard: undefined });
    expect(await project.notes("drafts/0")).toEqual({});
  });
});

test("while a fetch hangs, commits that are here are built (Argo CD's lock per repository, #4583)", async () => {
  await using project = await openProject({ over: "http" });
  const { upstream, materializer, server } = project;
  if (server === undefined) throw new Error("the project is not served over HTTP");
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await materializer.observe(handbook);
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  server.faults.hang = "pack";
  const over = new AbortController();
  const observing = materializer.observe(handbook, { signal: over.signal });
  await server.hanging();
  await materializer.materialize(await claimOne(materializer));
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
  over.abort();
  await expect(observing).rejects.toThrow();
});
