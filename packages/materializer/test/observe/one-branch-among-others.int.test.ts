import { describe, expect, test } from "vitest";
import { note, openProject } from "../support/open-project.ts";
import { makeDue } from "../support/take-over.ts";

const handbook = "handbook";
const main = { repository: handbook, branch: "main" };

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("M7: a draft whose newest commit has a message of a megabyte delays no other branch", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    const message = "m".repeat(2 ** 20 + 10);
    await upstream.commit("drafts/long", { "notes/a/x.json": note("e") }, { message });
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
    expect(await materializer.branch({ repository: handbook, branch: "drafts/long" })).toMatchObject({
      errorCode: "GIT_TOO_LARGE",
      owner: null,
    });
  });

  test("M7: a branch whose name no index can hold is told, and delays no other and no consumer", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    const long = `drafts/${Array.from({ length: 5 }, (_, n) => String(n).repeat(240)).join("/")}`;
    await upstream.branch(long, tip);
    await project.settle();
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await makeDue(project.db);
    expect((await materializer.observe(handbook)) as object).toMatchObject({
      unreadable: [`refs/heads/${long}`],
    });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
    expect(await materializer.consume({ consumer: "all", handler: async () => undefined })).toBe(2);
  });

  test("a HEAD that is detached or names no branch takes no live branch away", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    await upstream.branch("drafts/a", tip);
    await project.settle();
    for (const slip of [
      ["update-ref", "--no-deref", "HEAD", tip],
      ["symbolic-ref", "HEAD", "refs/heads/nowhere"],
    ]) {
      await upstream.git(slip);
      await makeDue(project.db);
      await project.settle();
      expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
      expect(await materializer.branch(main)).toMatchObject({
        class: "live",
        deletedAt: null,
        incarnation: 1,
      });
    }
  });

  test("M7: a branch that git refuses is not current, and keeps no other from being deleted", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    for (const name of ["a", "b", "c", "d"]) await upstream.branch(`drafts/${name}`, tip);
    await project.settle();
    const blob = await upstream.writeBlob(note("z"));
    const unsorted = await upstream.writeTree([
      { mode: "100644", name: "b", oid: blob },
      { mode: "100644", name: "a", oid: blob },
    ]);
    await upstream.commitTree("drafts/d", unsorted);
    await upstream.deleteBranch("drafts/a");
    await makeDue(project.db);
    expect(await materializer.observe(handbook)).toMatchObject({
      deleted: 1,
      refused: ["refs/heads/drafts/d"],
    });
    const refused = { repository: handbook, branch: "drafts/d" };
    const explained = await materializer.explain(refused);
    expect(explained.current).toBe(false);
    expect(explained.reasons.join(" ")).toMatch(/git does not give/);
    expect(await project.notes("drafts/d")).toEqual({ "a/x.json": "1" });
    expect(
      (await materializer.branch({ repository: handbook, branch: "drafts/a" })).deletedAt,
    ).not.toBeNull();
  });
});
