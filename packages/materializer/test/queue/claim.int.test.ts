import { expect, test } from "vitest";
import { databaseRequests, requestMaterialization } from "../../src/requests/request-materialization.ts";
import { holdStatement } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";

test("live before drafts, and a quiet repository's branch before the rest of a noisy one's", async () => {
  await using project = await openProject();
  await using quiet = await scratchRepository();
  const { upstream, materializer } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("x") });
  for (let n = 0; n < 200; n += 1) await upstream.branch(`drafts/${n}`, tip);
  await quiet.commit("main", { "notes/a/x.json": note("quiet") });
  await quiet.commit("drafts/one", { "notes/a/x.json": note("quiet draft") });
  await materializer.register({ name: "quiet", url: quiet.url, projector: "notes" });
  await materializer.observe("handbook");
  await materializer.observe("quiet");
  const order: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    for (const lease of await materializer.claim({ limit: 1 }))
      order.push(`${lease.repository} ${lease.class}`);
  }
  expect(order.slice(0, 2).toSorted()).toEqual(["handbook live", "quiet live"]);
  expect(order.slice(2)).toContain("quiet draft");
});

test("a tenant of many repositories gets no more turns than one with a single branch", async () => {
  await using project = await openProject();
  await using quiet = await scratchRepository();
  const { upstream, materializer } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("x") });
  for (let n = 0; n < 20; n += 1) await upstream.branch(`drafts/${n}`, tip);
  for (const name of ["noisy-1", "noisy-2", "noisy-3", "noisy-4", "noisy-5"]) {
    await materializer.register({ name, url: upstream.url, projector: "notes", tenant: "noisy" });
    await materializer.observe(name);
  }
  for (let n = 0; n < 4; n += 1) await quiet.commit(`drafts/${n}`, { "notes/a/x.json": note(`${n}`) });
  await materializer.register({ name: "quiet", url: quiet.url, projector: "notes", tenant: "quiet" });
  await materializer.observe("quiet");
  const drafts: string[] = [];
  while (drafts.length < 10) {
    const leases = await materializer.claim({ limit: 1 });
    drafts.push(...leases.filter((lease) => lease.class === "draft").map((lease) => lease.repository));
  }
  // Nobody gives a lease back here, so each tenant's count: the quiet one has all of its four before the other's fifth.
  expect(drafts.filter((name) => name === "quiet")).toHaveLength(4);
  expect(
    drafts.slice(0, 4).every((name) => name === "quiet"),
    "its turns come while the other holds more",
  ).toBe(true);
});

test.each([{}, { only: { repository: "handbook" } }])(
  "a lease is what its type says, claimed with %j",
  async (options) => {
    await using project = await openProject();
    const oid = await project.upstream.commit("main", { "notes/a/x.json": note("x") });
    await project.materializer.observe("handbook");
    expect(await project.materializer.claim(options)).toEqual([
      {
        branchId: expect.any(String) as string,
        repository: "handbook",
        ref: "refs/heads/main",
        class: "live",
        incarnation: 1,
        oid,
        seq: 1,
        projector: expect.any(String) as string,
        fromScratch: false,
        token: expect.any(String) as string,
        attempt: 1,
      },
    ]);
  },
);

test("a branch that is pushed to again while it waits keeps its place", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const claimed = async (): Promise<string[]> => (await materializer.claim()).map(({ ref }) => ref);
  await upstream.commit("drafts/busy", { "notes/a/x.json": note("first") });
  await materializer.observe("handbook");
  await upstream.commit("drafts/quiet", { "notes/a/x.json": note("only") });
  await materializer.observe("handbook");
  await upstream.commit("drafts/busy", { "notes/a/x.json": note("second") });
  await materializer.observe("handbook");
  expect(await claimed()).toEqual(["refs/heads/drafts/busy"]);
  expect(await claimed()).toEqual(["refs/heads/drafts/quiet"]);
});

test("processes that claim at once get different branches", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  const tip = await upstream.commit("main", { "notes/a/x.json": note("x") });
  for (let n = 0; n < 30; n += 1) await upstream.branch(`drafts/${n}`, tip);
  await materializer.observe("handbook");
  const others = await Promise.all(Array.from({ length: 4 }, async () => await project.another()));
  const claimed = (await Promise.all(others.map(async (other) => await other.claim({ limit: 5 })))).flat();
  expect(new Set(claimed.map((lease) => lease.branchId)).size).toBe(claimed.length);
  expect(claimed.length).toBeGreaterThan(5);
});

test("a branch whose builders all died is parked in the end, and says so", async () => {
  await using project = await openProject({ settings: { maxAttempts: 2 } });
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  for (let n = 0; n < 2; n += 1) {
    expect(await materializer.claim()).toHaveLength(1);
    await db.query("update headstart_materializer.branches set lease_until = now() - interval '1 s'");
  }
  expect(await materializer.claim()).toEqual([]);
  const main = { repository: "handbook", branch: "main" };
  expect(await materializer.branch(main)).toMatchObject({ errorCode: "BUILD_CRASHED" });
  expect(await materializer.explain(main)).toMatchObject({ status: "parked" });
  expect(await materializer.redrive(main)).toBe(1);
  await project.settle();
  expect(await project.notes("main")).toEqual({ "a/x.json": "x" });
});

test.each(["a new commit", "a redrive"])(
  "%s that comes as a branch is about to be parked is built",
  async (what) => {
    await using project = await openProject({ settings: { maxAttempts: 1 } });
    const { upstream, materializer, db } = project;
    await upstream.commit("main", { "notes/a/x.json": note("old") });
    await materializer.observe("handbook");
    expect(await materializer.claim()).toHaveLength(1);
    await db.query(
      `update headstart_materializer.branches set lease_until = now() - interval '1 s', error_code = 'GIT_TRANSIENT'`,
    );
    await using held = holdStatement(project.databaseUrl, /BUILD_CRASHED/);
    const claiming = (await project.another({ db: held.db })).claim();
    await held.reached();
    if (what === "a redrive") await materializer.redrive({ repository: "handbook" });
    else await upstream.commit("main", { "notes/a/x.json": note("new") });
    await materializer.observe("handbook");
    held.letGo();
    expect(await claiming).toEqual([]);
    expect(await materializer.claim()).toMatchObject([{ attempt: 1 }]);
  },
);

test("a paused repository is neither observed by a run nor built", async () => {
  await using project = await openProject();
  const { upstream, materializer } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  await materializer.observe("handbook");
  await materializer.pause("handbook");
  expect(await materializer.claim()).toEqual([]);
  await materializer.resume("handbook");
  expect(await materializer.claim()).toHaveLength(1);
});

test("requests are checked, and an in-process runner has done the work when the request returns", async () => {
  await using project = await openProject();
  const { upstream, materializer, db } = project;
  await upstream.commit("main", { "notes/a/x.json": note("x") });
  const message = { type: "repository-branch-updated", repository: "handbook", branch: "main" };
  await requestMaterialization(databaseRequests(db), message);
  expect(await project.notes("main")).toEqual({});
  await requestMaterialization(materializer.inProcessRunner(), message);
  expect(await project.notes("main")).toEqual({ "a/x.json": "x" });
  const bad = requestMaterialization(databaseRequests(db), {
    ...message,
    oid: "--upload-pack=x",
    branch: "a\0b",
  });
  await expect(bad).rejects.toMatchObject({ code: "MESSAGE_INVALID" });
  const unknown = requestMaterialization(databaseRequests(db), { ...message, repository: "nobody's" });
  await expect(unknown).rejects.toMatchObject({ code: "REPOSITORY_UNKNOWN" });
});
