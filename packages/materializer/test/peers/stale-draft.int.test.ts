import { describe, expect, test } from "vitest";
import { note, openProject } from "../support/open-project.ts";

const draft = { repository: "handbook", branch: "drafts/d" };

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("a draft that live has overtaken says by how much and where they clash, and keeps its own work (superplane #5775)", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    const base = await upstream.commit("main", { "notes/a/x.json": note("0"), "notes/b/y.json": note("0") });
    await upstream.branch("drafts/d", base);
    await project.settle();
    // Whoever opens the draft may be served by a machine that has never seen the repository.
    const elsewhere = await project.another();
    const parted = async () => await elsewhere.behind({ ...draft, base: "main" });
    expect(await parted()).toEqual({ ahead: 0, behind: 0, mergeBase: base, conflictingPaths: [] });
    await upstream.commit("drafts/d", { "notes/a/x.json": note("mine") });
    await upstream.commit("main", { "notes/b/y.json": note("published") });
    await project.settle();
    expect(await parted()).toEqual({ ahead: 1, behind: 1, mergeBase: base, conflictingPaths: [] });
    const live = await upstream.commit("main", { "notes/a/x.json": note("theirs") });
    await project.settle();
    expect(await parted()).toMatchObject({ ahead: 1, behind: 2, conflictingPaths: ["notes/a/x.json"] });
    expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "mine", "b/y.json": "0" });
    await upstream.branch("drafts/d", live);
    await upstream.commit("drafts/d", { "notes/a/x.json": note("mine, on theirs") });
    await project.settle();
    expect(await parted()).toEqual({ ahead: 1, behind: 0, mergeBase: live, conflictingPaths: [] });
    expect(await project.notes("drafts/d")).toEqual({
      "a/x.json": "mine, on theirs",
      "b/y.json": "published",
    });
  });
});
