import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { chmod, mkdtemp, open as openFile, readFile, rm, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { GitHttpServer } from "./support/git/git-http-server.ts";
import { openProject, note } from "./support/open-project.ts";
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

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("D15: no transaction is open while git is read", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, db, server } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await using slow = server === undefined ? await slowDirectory(upstream.directory) : slowServer(server);
    const giveUp = new AbortController();
    const observing = materializer.observe("handbook", { signal: giveUp.signal });
    await slow.asked();
    const { rows } = await db.query(
      `select pid, query from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`,
    );
    giveUp.abort();
    await expect(observing).rejects.toThrow();
    expect(rows).toEqual([]);
  });

  test("D16: a push costs the same number of requests to the forge however many branches there are", async () => {
    await using git = await countedGit();
    await using project = await openProject({ over });
    const { upstream, materializer, server } = project;
    const first = await upstream.commit("main", { "notes/a/x.json": note("x") });
    await project.settle();
    const requests = async (text: string): Promise<unknown> => {
      await upstream.commit("main", { "notes/a/x.json": note(text) });
      if (server !== undefined) server.requests.length = 0;
      await git.forget();
      await materializer.observe("handbook");
      return { commands: await git.commands(), requests: server?.requests.length };
    };
    const alone = await requests("alone");
    for (let n = 0; n < 60; n += 1) await upstream.branch(`drafts/${n}`, first);
    await project.settle();
    expect(await requests("among sixty drafts")).toEqual(alone);
    expect(alone).toMatchObject({ commands: expect.arrayContaining(["ls-remote", "fetch"]) as string[] });
  });
});

interface SlowGit extends AsyncDisposable {
  /** Resolves when git waits for an answer. */
  readonly asked: () => Promise<void>;
}

function slowServer(server: GitHttpServer): SlowGit {
  server.faults.hang = "pack";
  return { asked: async () => await server.hanging(), [Symbol.asyncDispose]: async () => undefined };
}

/** A repository on a disk that does not answer: whoever lists its refs waits for a pipe that nobody writes to. */
async function slowDirectory(directory: string): Promise<SlowGit> {
  const pipe = join(directory, "packed-refs");
  await promisify(execFile)("mkfifo", [pipe]);
  let writing: FileHandle | undefined;
  const open = async (): Promise<boolean> => {
    writing = await openFile(pipe, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
    return writing !== undefined;
  };
  return {
    asked: async () => await expect.poll(open, { timeout: 30_000, interval: 10 }).toBe(true),
    [Symbol.asyncDispose]: async () => await writing?.close(),
  };
}

interface CountedGit extends AsyncDisposable {
  /** What git was asked to do at the remote since, in order. */
  readonly commands: () => Promise<string[]>;
  readonly forget: () => Promise<void>;
}

/** Puts a program before git that writes down what it is called for. */
async function countedGit(): Promise<CountedGit> {
  const folder = await mkdtemp(join(tmpdir(), "headstart-counted-git-"));
  await chmod(folder, 0o755);
  const log = join(folder, "log");
  const path = process.env["PATH"] ?? "";
  const script = `#!/bin/sh\necho "$*" >> '${log}'\nPATH='${path}'\nexec git "$@"\n`;
  await writeFile(join(folder, "git"), script, { mode: 0o755 });
  process.env["PATH"] = `${folder}:${path}`;
  const remote = /(?:^| )(ls-remote|fetch)(?: |$)/;
  return {
    forget: async () => await writeFile(log, ""),
    commands: async () =>
      (await readFile(log, "utf8")).split("\n").flatMap((line) => remote.exec(line)?.[1] ?? []),
    [Symbol.asyncDispose]: async () => {
      process.env["PATH"] = path;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
