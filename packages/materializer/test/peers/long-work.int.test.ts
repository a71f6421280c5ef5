import { describe, expect, test } from "vitest";
import { holdStatement } from "../support/held-statement.ts";
import { note, openProject } from "../support/open-project.ts";
import { claimOne } from "../support/take-over.ts";

const handbook = "handbook";

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("while a branch is imported, good or bad, its repository is looked at and its other branches are built (Infrahub #6639)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, databaseUrl, root } = project;
    await upstream.commit("main", { "notes/a/x.json": note("0") });
    await project.settle();
    const imports = [
      ["rows are written", note("slow"), /insert into headstart_materializer\.segment_files/],
      [
        "problems are written",
        note("slow", ["nowhere"]),
        /insert into headstart_materializer\.branch_issues/,
      ],
    ] as const;
    for (const [text, content, statement] of imports) {
      const branch = `drafts/while-${text.replaceAll(" ", "-")}`;
      await upstream.commit(branch, { "notes/a/x.json": content });
      await materializer.observe(handbook);
      await using held = holdStatement(databaseUrl, statement);
      // The same mirror: whatever lock there is on it is shared.
      const importer = await project.another({
        db: held.db,
        mirrors: { root, protocols: ["file", "http"] },
      });
      const importing = importer.materialize(await claimOne(importer));
      await held.reached();
      await upstream.commit("main", { "notes/a/x.json": note(text) });
      expect(await materializer.observe(handbook)).toMatchObject({ outcome: "changed", moved: 1 });
      await materializer.materialize(await claimOne(materializer));
      expect(await project.notes("main")).toEqual({ "a/x.json": text });
      held.letGo();
      await importing;
    }
    expect(await project.notes("drafts/while-rows-are-written")).toEqual({ "a/x.json": "slow" });
  });

  test("of a push of a thousand commits the last is read, and no other (GitLab 195667)", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, server } = project;
    const requests = async (push: () => Promise<unknown>): Promise<number> => {
      await push();
      if (server !== undefined) server.requests.length = 0;
      expect(await materializer.observe(handbook)).toMatchObject({ outcome: "changed", refused: [] });
      return server?.requests.length ?? 0;
    };
    await upstream.commit("main", { "notes/a/x.json": note("0") });
    await project.settle();
    const one = await requests(async () => await upstream.commit("main", { "notes/a/x.json": note("1") }));
    await project.settle();
    const many = await requests(async () => {
      await upstream.commits(
        "main",
        Array.from({ length: 1_000 }, (_, n) => ({ "notes/a/x.json": `{ not json ${n}` })),
      );
      // Nobody reads a commit of this size, so whoever tried would fail.
      const message = "m".repeat(2 ** 20 + 10);
      await upstream.commit("main", { "notes/a/x.json": note("big") }, { message });
      await upstream.commit("main", { "notes/a/x.json": note("last") });
    });
    expect(many).toBe(one);
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "last" });
    const versions = await materializer.history({ repository: handbook, branch: "main" });
    expect(versions.map(({ blobsParsed }) => blobsParsed)).toEqual([1, 1, 1]);
  });
});

test("a build that takes many times its lease is nobody else's, and is finished once (MergeStat #705)", async () => {
  // Both at once, since they wait for a clock.
  await Promise.all([finishedOnce("file"), finishedOnce("http")]);
});

async function finishedOnce(over: "file" | "http"): Promise<void> {
  const settings = { leaseMs: 600 };
  await using project = await openProject({ over, settings });
  const { upstream, materializer, db, databaseUrl } = project;
  await upstream.commit("main", { "notes/a/x.json": note("1") });
  await materializer.observe(handbook);
  await using held = holdStatement(databaseUrl, /insert into headstart_materializer\.segment_files/);
  const slow = await project.another({ db: held.db, settings });
  const building = slow.materialize(await claimOne(slow));
  await held.reached();
  const longAgo = async (): Promise<boolean> => {
    expect(await materializer.claim(), "nobody takes it over").toEqual([]);
    const { rows } = await db.query<{ long: boolean }>(
      `select clock_timestamp() > desired_at + interval '1800 ms' as long from headstart_materializer.branches`,
    );
    return rows[0]?.long ?? false;
  };
  await expect.poll(longAgo, { timeout: 30_000, interval: 20 }).toBe(true);
  held.letGo();
  expect(await building).toMatchObject({ outcome: "published" });
  expect(await materializer.history({ repository: handbook, branch: "main" })).toHaveLength(1);
  expect(await project.notes("main")).toEqual({ "a/x.json": "1" });
}
