import { describe, expect, test } from "vitest";
import { note, openProject } from "./support/open-project.ts";
import { notesProjector } from "./support/notes-projector.ts";
import { buildGood, claimOne, expireLeases } from "./support/take-over.ts";

const handbook = "handbook";
const main = { repository: handbook, branch: "main" };

describe.each(["file", "http"] as const)("over %s", (over) => {
  test("M1: after quiet, every branch equals git", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    await upstream.commit("main", {
      "notes/a/x.json": note("x"),
      "notes/b/y.json": note("y", ["y"]),
      "other.txt": "no",
    });
    await upstream.branch("drafts/one", (await upstream.tip("main")) ?? "");
    await upstream.commit("drafts/one", { "notes/a/x.json": null, "notes/a/x.json/z.json": note("z") });
    await upstream.forcePush("drafts/two", { "notes/c/c.json": note("c") });
    await project.settle();
    const verified = await project.verifyAll();
    expect(verified.map(({ current, differences }) => ({ current, differences }))).toEqual(
      Array.from({ length: 3 }, () => ({ current: true, differences: [] })),
    );
  });

  test("M2: of two finished builds of one branch the one of the newer commit is served, in either order", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer, db } = project;
    await upstream.commit("main", { "notes/a/x.json": note("first") });
    await materializer.observe(handbook);
    const older = await claimOne(materializer);
    const old = await buildGood(materializer, older);
    await upstream.commit("main", { "notes/a/x.json": note("second") });
    await materializer.observe(handbook);
    await expireLeases(db);
    const newer = await claimOne(materializer);
    await materializer.publish(newer, await buildGood(materializer, newer));
    await expect(materializer.publish(older, old)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await project.notes("main")).toEqual({ "a/x.json": "second" });
  });

  test("M3: a reader beside forty publications sees only whole commits", async () => {
    await using project = await openProject({ over });
    const { upstream, db } = project;
    const files = (text: string) =>
      Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`notes/u${n % 3}/n${n}.json`, note(text)]));
    await upstream.commit("main", files("0"));
    await project.settle();
    let reading = true;
    const seen = new Set<string>();
    const reader = (async () => {
      while (reading) {
        const { rows } = await db.query<{ text: string; rows: string }>(
          `select string_agg(distinct data ->> 'text', ',') as text, count(*)::text as rows
         from headstart_materializer.branch_rows where repository = 'handbook' and ref = 'refs/heads/main'`,
        );
        seen.add(`${rows[0]?.rows} rows of ${rows[0]?.text}`);
      }
    })();
    const wanted = ["8 rows of 0"];
    for (let n = 1; n <= 40; n += 1) {
      await upstream.commit("main", files(String(n)));
      await project.settle();
      wanted.push(`8 rows of ${n}`);
    }
    reading = false;
    await reader;
    expect(wanted).toEqual(expect.arrayContaining([...seen]));
    expect(seen.size).toBeGreaterThan(10);
  });

  test("M4: a bad commit never hides the last good one, and its draft goes on as well", async () => {
    await using project = await openProject({ over });
    const { upstream } = project;
    await upstream.commit("main", { "notes/a/x.json": note("good") });
    await project.settle();
    const bad = await upstream.commit("main", { "notes/a/x.json": note("bad", ["nowhere"]) });
    await upstream.branch("drafts/fix", bad);
    await upstream.commit("drafts/fix", { "notes/a/x.json": note("fixed") });
    await project.settle();
    expect(await project.notes("main")).toEqual({ "a/x.json": "good" });
    expect(await project.notes("drafts/fix")).toEqual({ "a/x.json": "fixed" });
  });

  test("M5: a thousand hints during a build cost one more build", async () => {
    await using project = await openProject({ over });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("0") });
    await materializer.observe(handbook);
    const lease = await claimOne(materializer);
    const built = await buildGood(materializer, lease);
    for (let n = 1; n <= 10; n += 1) {
      await upstream.commit("main", { "notes/a/x.json": note(String(n)) });
      await Promise.all(Array.from({ length: 100 }, async () => await materializer.hint(main)));
      await materializer.observe(handbook);
    }
    expect(await materializer.claim()).toEqual([]);
    expect(await materializer.publish(lease, built)).toMatchObject({ behind: true });
    const last = await claimOne(materializer);
    expect(await materializer.publish(last, await buildGood(materializer, last))).toMatchObject({
      behind: false,
    });
    expect(await materializer.claim()).toEqual([]);
    expect(await project.notes("main")).toEqual({ "a/x.json": "10" });
    expect(await materializer.history(main)).toHaveLength(2);
  });

  test("M6: a branch whose worker died is taken over once its lease has run out, and not before", async () => {
    await using project = await openProject({ over, settings: { leaseMs: 300 } });
    const { upstream, materializer } = project;
    await upstream.commit("main", { "notes/a/x.json": note("x") });
    await materializer.observe(handbook);
    const dead = await claimOne(materializer);
    const other = await project.another({ settings: { leaseMs: 300 } });
    expect(await other.claim()).toEqual([]);
    await expect.poll(async () => (await other.claim()).length, { timeout: 10_000, interval: 20 }).toBe(1);
    expect(await materializer.renew(dead)).toBe(false);
  });

  test("M7: one bad branch delays no other, and a broken projector breaks its own branches only", async () => {
    const picky = {
      ...notesProjector(),
      assemble: (unit: string, files: Parameters<ReturnType<typeof notesProjector>["assemble"]>[1]) => {
        if (unit === "poison") throw new Error("cannot assemble this");
        return notesProjector().assemble(unit, files);
      },
    };
    await using project = await openProject({ over, projectors: [picky], settings: { maxAttempts: 2 } });
    const { upstream, materializer } = project;
    await upstream.commit("drafts/bad", { "notes/poison/x.json": note("x") });
    await upstream.commit("drafts/worse", { "notes/a/x.json": "{" });
    for (let n = 0; n < 10; n += 1)
      await upstream.commit(`drafts/good-${n}`, { "notes/a/x.json": note(`${n}`) });
    await project.settle();
    for (let n = 0; n < 10; n += 1)
      expect(await project.notes(`drafts/good-${n}`)).toEqual({ "a/x.json": `${n}` });
    expect(await materializer.branch({ repository: handbook, branch: "drafts/bad" })).toMatchObject({
      errorMessage: "cannot assemble this",
      servedOid: null,
    });
  });
});
