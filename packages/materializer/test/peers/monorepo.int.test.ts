import { createHash } from "node:crypto";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import type { Projector } from "../../src/projector/projector.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";
import { runBeside } from "../support/run-beside.ts";

const apps = 8;

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("a push to one of 600 units builds that unit, and no other branch (Argo CD #4272, #23086)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const files = Array.from({ length: 600 }, (_, n) => [`notes/app-${n}/x.json`, note("1")] as const);
    const tip = await upstream.commit("main", Object.fromEntries(files));
    for (let n = 0; n < 20; n += 1) await upstream.branch(`drafts/${n}`, tip);
    await project.settle();
    const oid = await upstream.commit("main", { "notes/app-300/x.json": note("2") });
    await materializer.hint({ repository: "handbook", branch: "main" });
    await project.settle();
    expect(await costs(project, oid)).toEqual([{ name: "handbook", parsed: 1, assembled: 1 }]);
    expect((await project.db.query("select from headstart_materializer.versions")).rowCount).toBe(22);
  });

  test("a push costs the registration whose folder it touched, told by a bare hint or found by a poll (Argo CD #18969, Kargo #5591)", async () => {
    const projectors = Array.from({ length: apps }, (_, n) => projectorOfFolder(`app-${n}`));
    await using project = await openProject({ over, projectors });
    const { upstream, materializer, url } = project;
    const names = projectors.map(({ name }) => name);
    for (const name of names) await materializer.register({ name, url, projector: name });
    const settle = async (): Promise<void> => {
      for (const name of names) await materializer.inProcessRunner().settle(name);
    };
    const files = names.map((name) => [`notes/${name}/x.json`, note(name)] as const);
    await upstream.commit("main", Object.fromEntries(files));
    await settle();
    for (const announced of [true, false]) {
      const oid = await upstream.commit("main", { "notes/app-7/x.json": note(`announced: ${announced}`) });
      // What a forge without a list of changed files can say: this repository, nothing more.
      if (announced) await materializer.hint(...names.map((repository) => ({ repository })));
      await settle();
      const expected = names.toSorted().map((name) => {
        const own = Number(name === "app-7");
        return { name, parsed: own, assembled: own };
      });
      expect(await costs(project, oid)).toEqual(expected);
    }
  });

  test("a hint refreshes the repository that it names and leaves the others alone (Kargo #4490)", async () => {
    await using project = await openProject({ over });
    await using other = await scratchRepository();
    const { upstream, materializer, server, db } = project;
    const url = server === undefined ? other.url : `${server.url}/${basename(other.directory)}`;
    await materializer.register({ name: "other", url, projector: "notes" });
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await other.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    await materializer.inProcessRunner().settle("other");
    const looked = async (): Promise<unknown> =>
      (await db.query("select observed_at from headstart_materializer.repositories where name = 'other'"))
        .rows;
    const before = await looked();
    if (server !== undefined) server.requests.length = 0;
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await other.commit("main", { "notes/a/x.json": note("2") });
    await materializer.hint({ repository: "handbook", branch: "main" });
    await using _ = runBeside(materializer);
    await expect
      .poll(async () => await project.notes("main"), { timeout: 30_000, interval: 20 })
      .toEqual({ "a/x.json": "2" });
    expect(await looked()).toEqual(before);
    expect(
      server?.requests.filter(({ url: asked }) => asked.includes(basename(other.directory))) ?? [],
    ).toEqual([]);
    await materializer.hint({ repository: "other" });
    await expect.poll(looked, { timeout: 30_000, interval: 20 }).not.toEqual(before);
  });
});

test("a push to a repository that is registered many times is transferred once (Kargo #5901)", async () => {
  await using project = await openProject({ over: "http" });
  const { upstream, materializer, url, server } = project;
  const names = Array.from({ length: 5 }, (_, n) => `tenant-${n}`);
  for (const name of names) await materializer.register({ name, url, projector: "notes" });
  const observeAll = async (): Promise<number[]> => {
    const requests: number[] = [];
    for (const name of names) {
      const before = server?.requests.length ?? 0;
      await materializer.observe(name);
      requests.push((server?.requests.length ?? 0) - before);
    }
    return requests;
  };
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await observeAll();
  const [listing = 0] = await observeAll();
  await upstream.commit("main", { "notes/a/x.json": note("2") });
  const [first = 0, ...others] = await observeAll();
  expect(first).toBeGreaterThan(listing);
  expect(others).toEqual(others.map(() => listing));
});

/** The notes of one folder, as an application of a monorepo has its own part of it. */
function projectorOfFolder(name: string): Projector {
  const all = notesProjector();
  return {
    ...all,
    name,
    identity: createHash("sha256").update(`${all.identity} ${name}`).digest("hex"),
    select: (path) => (path.startsWith(`notes/${name}/`) ? all.select(path) : null),
  };
}

/** What the versions of a commit cost, by registration. */
async function costs({ db }: Project, oid: string): Promise<unknown> {
  const { rows } = await db.query(
    `select r.name, v.blobs_parsed as parsed, v.units_assembled as assembled
     from headstart_materializer.versions v
     join headstart_materializer.repositories r on r.id = v.repository_id
     where v.oid = decode($1, 'hex') order by r.name collate "C"`,
    [oid],
  );
  return rows;
}
