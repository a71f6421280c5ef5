import { rename } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineProjector } from "../../src/projector/projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";
import { runBeside } from "../support/run-beside.ts";
import { claimOne, expireLeases } from "../support/take-over.ts";

const main = { repository: "handbook", branch: "main" };
/** A loop that looks often, so that a test need not wait for long. */
const impatient = { settings: { pollMinMs: 20, pollMaxMs: 100 } };

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("branches whose creation no webhook tells are found by polling alone (TinaCMS #6407)", async () => {
    await using project = await openProject({ over, ...impatient });
    const { upstream, materializer } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    await using _ = runBeside(materializer);
    await served(project, "main", { "a/x.json": "1" });
    await upstream.branch("drafts/by-a-bot", tip);
    await served(project, "drafts/by-a-bot", { "a/x.json": "1" });
    await upstream.commit("drafts/by-a-bot", { "notes/a/x.json": note("2") });
    await served(project, "drafts/by-a-bot", { "a/x.json": "2" });
    const { rows } = await project.db.query("select hints::int from headstart_materializer.repositories");
    expect(rows, "nobody said anything").toEqual([{ hints: 0 }]);
  });

  test("the first push after an installation brings every branch, not the pushed one alone (Gitea #28056)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("old") });
    for (const name of ["drafts/a", "drafts/b"]) await upstream.branch(name, tip);
    await upstream.commit("drafts/new", { "notes/a/x.json": note("new") });
    await materializer
      .inProcessRunner()
      .request({ type: "repository-branch-updated", repository: "handbook", branch: "drafts/new" });
    for (const name of ["main", "drafts/a", "drafts/b"])
      expect(await project.notes(name), name).toEqual({ "a/x.json": "old" });
    expect(await project.notes("drafts/new")).toEqual({ "a/x.json": "new" });
  });

  test("a branch that the database lost, or could not take, comes by itself (Gitea #30164, #29052)", async () => {
    await using project = await openProject({ over, ...impatient });
    const { upstream, materializer, db } = project;
    const tip = await upstream.commit("main", { "notes/a/x.json": note("1") });
    await upstream.branch("drafts/lost", tip);
    await project.settle();
    await db.query("delete from headstart_materializer.branches where ref = 'refs/heads/drafts/lost'");
    await db.query(`create function headstart_materializer.refuse() returns trigger language plpgsql
      as $$ begin raise exception 'out of space'; end $$`);
    await db.query(`create trigger refuse before insert on headstart_materializer.branches
      for each row execute function headstart_materializer.refuse()`);
    await upstream.branch("drafts/refused", tip);
    await expect(materializer.observe("handbook")).rejects.toThrow("out of space");
    expect((await materializer.explain(main)).reasons.join("\n")).toMatch(/out of space.*next attempt/s);
    await db.query("drop trigger refuse on headstart_materializer.branches");
    await using _ = runBeside(materializer);
    await served(project, "drafts/lost", { "a/x.json": "1" });
    await served(project, "drafts/refused", { "a/x.json": "1" });
  });

  test("a push that was announced and then got stuck is told as not current, with the reason (TinaCMS #6562)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("1") });
    await project.settle();
    await upstream.commit("main", { "notes/a/x.json": note("2") });
    await materializer.hint(main);
    expect(await materializer.verify(main)).toMatchObject({ current: false });
    await rename(upstream.directory, `${upstream.directory}.away`);
    await expect(materializer.observe("handbook")).rejects.toThrow();
    expect((await materializer.explain(main)).reasons.join("\n")).toMatch(/could not be looked at \(GIT_/);
    await rename(`${upstream.directory}.away`, upstream.directory);
    const silent = await project.another({ worker: "worker-7" });
    await silent.observe("handbook");
    await claimOne(silent);
    const stuck = await materializer.explain(main);
    expect(stuck).toMatchObject({ status: "building", current: false });
    expect(stuck.reasons[0]).toMatch(/being built by worker-7/);
    await expireLeases(project.db);
    expect(await materializer.explain(main)).toMatchObject({ status: "pending", current: false });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "2" });
    expect(await materializer.verify(main)).toMatchObject({ current: true, differences: [] });
    expect(await materializer.explain(main)).toMatchObject({ status: "ready", current: true });
  });

  test("a new collection is indexed on every branch without a push, the old rows served meanwhile (TinaCMS #6971)", async () => {
    await using project = await openProject({ over, projectors: [pages(["page"])] });
    const { upstream, url, db } = project;
    const tip = await upstream.commit("main", {
      "page/home.json": '{"title": "home"}',
      "hero/settings.json": '{"title": "hero"}',
    });
    await upstream.branch("drafts/d", tip);
    await project.settle();
    const titles = async (): Promise<string[]> => {
      const { rows } = await db.query<{ row: string }>(
        `select ref || ' ' || collection || ' ' || (data ->> 'title') as row
         from headstart_materializer.branch_rows order by 1`,
      );
      return rows.map(({ row }) => row.slice("refs/heads/".length));
    };
    const before = ["drafts/d page home", "main page home"];
    expect(await titles()).toEqual(before);
    const release = await project.another({ projectors: [pages(["page", "hero"])] });
    const registration = { name: "handbook", url, projector: "pages" };
    expect(await release.register(registration)).toMatchObject({ outcome: "rebuilding" });
    expect(await titles()).toEqual(before);
    expect(await release.explain(main)).toMatchObject({ status: "pending", current: false });
    await release.inProcessRunner().settle("handbook");
    expect(await titles()).toEqual([
      "drafts/d hero hero",
      "drafts/d page home",
      "main hero hero",
      "main page home",
    ]);
    expect(await release.verify(main)).toMatchObject({ current: true, differences: [] });
  });
});

/** Files of a folder are a collection of its name; only what the schema names counts, as in a content model. */
function pages(collections: readonly string[]) {
  const title = z.strictObject({ title: z.string() });
  return defineProjector({
    name: "pages",
    revision: "1",
    kinds: Object.fromEntries(
      collections.map((name) => [name, { match: `${name}/*.json`, format: "json" as const, schema: title }]),
    ),
    assemble: (_, files) => ({
      rows: files.map(({ kind, path, document }) => ({ collection: kind, key: path, data: document })),
    }),
  });
}

async function served(
  project: Project,
  branch: string,
  notes: Readonly<Record<string, string>>,
): Promise<void> {
  await expect
    .poll(async () => await project.notes(branch), { timeout: 30_000, interval: 20 })
    .toEqual(notes);
}
