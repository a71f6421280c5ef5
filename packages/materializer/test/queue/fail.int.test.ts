import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { holdStatement, lockAwaited } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";
import { claimOne, makeDue } from "../support/take-over.ts";

const main = { repository: "handbook", branch: "main" };

test("a build that fails for a commit of yesterday does not put off today's, nor mark it", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("old") });
  await materializer.observe("handbook");
  const lease = { ...(await claimOne(materializer)), attempt: 7 };
  await upstream.commit("main", { "notes/a/x.json": note("new") });
  await materializer.observe("handbook");
  const failure = { kind: "transient", code: "SLOW", message: "too slow" } as const;
  expect(await materializer.fail(lease, failure)).toBe("retrying");
  expect(await materializer.branch(main)).toMatchObject({ errorCode: null });
  const next = await claimOne(materializer);
  expect(next.seq, "the newer commit is due at once").toBeGreaterThan(lease.seq);
  expect(await materializer.materialize(next)).toMatchObject({ outcome: "published" });
});

test("a remote that names a time is left alone until then, whatever commit is wanted by now", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("old") });
  await materializer.observe("handbook");
  const lease = await claimOne(materializer);
  await upstream.commit("main", { "notes/a/x.json": note("new") });
  await materializer.observe("handbook");
  const retryAt = new Date(Date.now() + 3_600_000);
  await materializer.fail(lease, { kind: "transient", code: "GIT_RATE_LIMITED", message: "later", retryAt });
  expect(await materializer.claim()).toEqual([]);
  const { dueAt } = await materializer.branch(main);
  expect(Math.abs(dueAt.getTime() - retryAt.getTime())).toBeLessThan(60_000);
});

test("a build whose commit is gone and an observation of the force push do not wait for each other", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("old") });
  await materializer.observe("handbook");
  const lease = await claimOne(materializer);
  await upstream.forcePush("main", { "notes/a/x.json": note("new") });
  // The observation has locked the repository, and is about to write its branches.
  await using held = holdStatement(project.databaseUrl, /insert into headstart_materializer.branches as b/);
  const observer = await project.another({ db: held.db });
  const observing = observer.observe("handbook");
  await held.reached();
  const failing = materializer.fail(lease, { kind: "moved" });
  await lockAwaited(project.db);
  held.letGo();
  expect(await observing).toMatchObject({ outcome: "changed", moved: 1 });
  expect(await failing).toBe("observing");
  await project.settle();
  expect(await project.notes("main")).toEqual({ "a/x.json": "new" });
});

test.each(["blob", "tree", "annotated tag"])(
  "a draft that names another object (%s) is parked for what it is, and holds up no other",
  async (kind) => {
    await using project = await openProject({ settings: { maxAttempts: 2 } });
    const { upstream, materializer, db } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    await upstream.branch("drafts/odd", tip);
    await project.settle();
    await writeFile(join(upstream.directory, "refs/heads/drafts/odd"), await objectOf(kind, upstream, tip));
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    const odd = { repository: "handbook", branch: "drafts/odd" };
    for (let n = 0; n < 4; n += 1) {
      await makeDue(db);
      await project.settle();
    }
    expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
    expect(await project.notes("drafts/odd"), "what it named before is served").toEqual({ "a/x.json": "1" });
    expect(await materializer.branch(odd)).toMatchObject({ errorCode: "GIT_REF_MISSING", attempts: 2 });
    expect(await materializer.explain(odd)).toMatchObject({ status: "parked" });
    await upstream.git(["update-ref", "-d", "refs/heads/drafts/odd"]);
    await upstream.commit("drafts/odd", { "notes/a/x.json": note("3") });
    await makeDue(db);
    await project.settle();
    expect(await project.notes("drafts/odd"), "a commit mends it").toEqual({ "a/x.json": "3" });
  },
);

async function objectOf(
  kind: string,
  upstream: { git(args: string[]): Promise<Buffer>; writeBlob(content: string): Promise<string> },
  tip: string,
): Promise<string> {
  if (kind === "blob") return await upstream.writeBlob("x");
  if (kind === "annotated tag")
    await upstream.git([
      "-c",
      "user.name=Ada",
      "-c",
      "user.email=ada@x",
      "tag",
      "-a",
      "-m",
      "a tag",
      "v1",
      tip,
    ]);
  const name = kind === "tree" ? `${tip}^{tree}` : "v1";
  return (await upstream.git(["rev-parse", name])).toString().trim();
}
