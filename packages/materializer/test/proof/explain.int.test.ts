import { expect, test } from "vitest";
import { note, openProject, type Project } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

async function reasons({ materializer }: Project, branch = "main"): Promise<string> {
  return (await materializer.explain({ repository: "handbook", branch })).reasons.join("\n");
}

test("deletions are held back for a reason, and from the confirmation on are about to be carried out", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await project.settle();
  await upstream.deleteBranch("main");
  await project.settle();
  expect(await reasons(project)).toContain(
    "Deletions are held back: The repository lists no branch at all, where 1 branch was known. If that is right, let them through with confirmDeletions.",
  );
  await materializer.confirmDeletions("handbook");
  const confirmed = await reasons(project);
  expect(confirmed).toContain(
    "Deletions were held back, and somebody confirmed them: the next observation carries them out.",
  );
  expect(confirmed).not.toContain("Deletions are held back");
  await project.settle();
  expect(await reasons(project)).toMatch(/^main is gone from the repository since /);
});

test("one error keeps a commit from being published, two keep it", async () => {
  await using project = await openProject();
  const { upstream } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1", ["nowhere"]) });
  await project.settle();
  expect(await reasons(project)).toMatch(
    /cannot be published: 1 error keeps this commit from being published\. First: notes\/a\/x\.json:1: There is no note nowhere\. Nothing is served yet\./,
  );
  await upstream.commit("main", { "notes/a/x.json": note("1", ["nowhere", "neither"]) });
  await project.settle();
  expect(await reasons(project)).toContain("2 errors keep this commit from being published.");
});

test("what a program said without a full stop gets one, and one attempt is one", async () => {
  const said = "the disk is full";
  await using project = await openProject({ settings: { maxAttempts: 1 } });
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  const [lease] = await materializer.claim();
  if (lease === undefined) throw new Error("nothing was due");
  await materializer.fail(lease, { kind: "transient", code: "ENOSPC", message: said });
  expect(await reasons(project)).toContain(
    `was given up after 1 attempt: ${said}. Nothing is served yet. Try again with redrive`,
  );
});

test("of a pinned branch it is not said that its newest commit is served", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const old = await upstream.commit("main", { "notes/a/x.json": note("1") });
  await project.settle();
  const newest = await upstream.commit("main", { "notes/a/x.json": note("2") });
  await project.settle();
  await materializer.rollback(main);
  const [first, second] = (await materializer.explain(main)).reasons;
  expect(first).toBe(`${newest.slice(0, 12)}, which was last observed, is built and not served.`);
  expect(second).toBe(
    `It was rolled back to ${old.slice(0, 12)} and is pinned there. Serve ${newest.slice(0, 12)}, the newest that is built, with unpin.`,
  );
});

test("one branch whose name cannot be read is told of as one, and two as two", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("x") });
  const name = (byte: number): Buffer =>
    Buffer.concat([
      Buffer.from("create refs/heads/drafts/caf"),
      Buffer.from([byte]),
      Buffer.from(` ${tip}\n`),
    ]);
  await upstream.git(["update-ref", "--stdin"], name(0xe9));
  await materializer.observe("handbook");
  expect(await reasons(project)).toContain(
    'Not projected, since its name is too long or no UTF-8: "drafts/caf\uFFFD". Rename this branch',
  );
  await upstream.git(["update-ref", "--stdin"], name(0xea));
  await materializer.observe("handbook");
  expect(await reasons(project)).toMatch(
    /since their names are .*: "drafts\/caf�", "drafts\/caf�"\. Rename these/,
  );
});
