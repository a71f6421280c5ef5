import { expect, test } from "vitest";
import { holdStatement } from "../support/held-statement.ts";
import { note, openProject, type Project } from "../support/open-project.ts";

const name = { repository: "handbook", branch: "drafts/1" };
const by = (author: string) => ({ author: `${author} <${author}@example.org>` });

async function owner({ materializer }: Project): Promise<string | null> {
  return (await materializer.branch(name)).owner;
}

test("a draft that somebody else makes again belongs to them, whoever pushed to it before", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await upstream.commit("drafts/1", { "notes/a/x.json": note("1") }, by("alice"));
  await materializer.hint({ ...name, pushedBy: "alice" });
  await project.settle();
  expect(await owner(project)).toBe("alice");
  await upstream.commit("drafts/1", { "notes/a/x.json": note("2") }, by("alice"));
  await materializer.hint({ ...name, pushedBy: "alice" });
  await project.settle();
  await upstream.deleteBranch("drafts/1");
  await materializer.hint({ ...name, pushedBy: "alice" });
  await project.settle();
  await upstream.forcePush("drafts/1", { "notes/a/x.json": note("bob's") }, by("bob"));
  await project.settle();
  expect(await materializer.branch(name)).toMatchObject({
    owner: "bob <bob@example.org>",
    incarnation: 2,
  });
});

test("a hint that comes while the repository is being listed waits for the listing that shows its branch", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await using held = holdStatement(project.databaseUrl, /from headstart_materializer.repositories where id/);
  const other = await project.another({ db: held.db });
  const observing = other.observe("handbook");
  await held.reached();
  await upstream.commit("drafts/1", { "notes/a/x.json": note("1") }, by("alice"));
  await materializer.hint({ ...name, pushedBy: "user-42" });
  held.letGo();
  await observing;
  await project.settle();
  expect(await owner(project)).toBe("user-42");
});
