import { describe, expect, test } from "vitest";
import type { GitHttpServer } from "./support/git/git-http-server.ts";
import { openProject, note, type Project } from "./support/open-project.ts";
import { claimOne } from "./support/take-over.ts";

const main = { repository: "handbook", branch: "main" };

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("D12: a file over the limit is an issue that says so; nothing is cut off and parsed", async () => {
    await using project = await openProject({ over, mirrorLimits: { maxFileBytes: 1_000 } });
    const { upstream, materializer } = project;
    await upstream.commit("main", {
      "notes/a/big.json": note("x".repeat(2_000)),
      "notes/a/x.json": note("x"),
    });
    await project.settle();
    expect(await project.notes("main")).toEqual({});
    expect(await materializer.blockingIssues(main)).toMatchObject([
      { path: "notes/a/big.json", code: "file-too-large" },
    ]);
  });

  test("D13: a repository of SHA-256 objects is projected like any other", async () => {
    await using project = await openProject({ over, upstream: { objectFormat: "sha256" } });
    const { upstream, materializer } = project;
    const oid = await upstream.commit("main", { "notes/a/x.json": note("x") });
    expect(oid).toHaveLength(64);
    await project.settle();
    expect(await materializer.branch(main)).toMatchObject({ servedOid: oid });
    await upstream.commit("main", { "notes/a/y.json": note("y") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "x", "a/y.json": "y" });
    expect(await project.verifyAll()).toMatchObject([{ current: true, differences: [] }]);
  });

  test("D14: no advisory lock is taken for a build, so nobody else's locks can stand in its way", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, db } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await materializer.observe("handbook");
    const lease = await claimOne(materializer);
    const seen: unknown[] = [];
    await materializer.materialize(lease, {
      onProgress: () =>
        void seen.push(
          db.query(
            "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
          ),
        ),
    });
    for (const query of await Promise.all(seen as Promise<{ rowCount: number }>[]))
      expect(query.rowCount).toBe(0);
    expect(seen.length).toBeGreaterThan(0);
  });
});

test("D15: no transaction is open while git is read", async () => {
  await using project = await openProject({ over: "http" });
  const server = serverOf(project);
  await project.upstream.commit("main", { "notes/a/x.json": note("x") });
  server.faults.hang = "pack";
  const over = new AbortController();
  const observing = project.materializer.observe("handbook", { signal: over.signal });
  await server.hanging();
  const { rows } = await project.db.query(
    `select pid, query from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`,
  );
  over.abort();
  await expect(observing).rejects.toThrow();
  expect(rows).toEqual([]);
});

test("D16: a push costs the same number of requests to the forge however many branches there are", async () => {
  await using project = await openProject({ over: "http" });
  const server = serverOf(project);
  const { upstream } = project;
  const first = await upstream.commit("main", { "notes/a/x.json": note("x") });
  await project.settle();
  const requests = async (text: string): Promise<number> => {
    await upstream.commit("main", { "notes/a/x.json": note(text) });
    server.requests.length = 0;
    await project.materializer.observe("handbook");
    return server.requests.length;
  };
  const alone = await requests("alone");
  for (let n = 0; n < 60; n += 1) await upstream.branch(`drafts/${n}`, first);
  await project.settle();
  expect(await requests("among sixty drafts")).toBe(alone);
});

function serverOf({ server }: Project): GitHttpServer {
  if (server === undefined) throw new Error("the project is not served over HTTP");
  return server;
}
