import { expect, test } from "vitest";
import { findBase } from "../../src/build/find-base.ts";
import type { Context } from "../../src/context.ts";
import type { Mirror } from "../../src/git/mirror.ts";
import { openMirror } from "../../src/git/mirror.ts";
import { notesProjector } from "../support/notes-projector.ts";
import { note, openProject, type Project } from "../support/open-project.ts";
import { claimOne } from "../support/take-over.ts";

const projector = notesProjector();

/** As many units as are said, of this text. */
const units = (count: number, text: string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`notes/u${n}/x.json`, note(text)]));

/** What the next build would be built upon, and how many versions were compared with for that. */
async function baseOf({ root, url, db, materializer }: Project) {
  await materializer.observe("handbook");
  const lease = await claimOne(materializer);
  await using mirror = await openMirror({ root, url, protocols: ["file"] });
  await mirror.fetch();
  const { signal } = new AbortController();
  const { tree } = await mirror.readCommit(lease.oid, { signal });
  let compared = 0;
  const diffTrees: Mirror["diffTrees"] = (...args) => {
    compared += 1;
    return mirror.diffTrees(...args);
  };
  const counting = new Proxy(mirror, {
    get: (of, name) => {
      const value: unknown = name === "diffTrees" ? diffTrees : Reflect.get(of, name, of);
      return typeof value === "function" ? (value.bind(of) as unknown) : value;
    },
  });
  const base = await findBase({ db } as unknown as Context, lease, {
    mirror: counting,
    projector,
    tree,
    signal,
  });
  const { rows } = await db.query<{ ref: string }>(
    `select b.ref from headstart_materializer.versions v join headstart_materializer.branches b on b.id = v.branch_id
     where v.id = $1`,
    [base?.version.id],
  );
  return { ref: rows[0]?.ref, changed: base?.changedUnits.size, compared };
}

/** A repository with twenty live branches, each far from the others, and a draft of `main`. */
async function manyLive(project: Project): Promise<void> {
  const { upstream, materializer, url } = project;
  const live = ["main", "release/**"];
  await materializer.register({ name: "handbook", url, projector: "notes", live });
  const tip = await upstream.commit("main", units(60, "main"));
  for (let n = 0; n < 20; n += 1) await upstream.commit(`release/${n}`, units(60, `release ${n}`));
  await upstream.branch("drafts/d", tip);
  await project.settle();
}

test("a small commit is compared with the version before it, and with no other branch", async () => {
  await using project = await openProject();
  await manyLive(project);
  await project.upstream.commit("release/7", { "notes/u1/x.json": note("next") });
  expect(await baseOf(project)).toEqual({ ref: "refs/heads/release/7", changed: 1, compared: 1 });
});

test("a draft that is moved onto a default branch far ahead of it is built upon that", async () => {
  await using project = await openProject();
  await manyLive(project);
  const { upstream } = project;
  const tip = await upstream.commit("main", units(60, "far ahead"));
  await project.settle();
  await upstream.branch("drafts/d", tip);
  await upstream.commit("drafts/d", { "notes/u1/x.json": note("rebased") });
  expect(await baseOf(project)).toEqual({ ref: "refs/heads/main", changed: 1, compared: 2 });
});

test("what is far from everything is compared with a bounded number of live branches", async () => {
  await using project = await openProject();
  await manyLive(project);
  await project.upstream.commit("drafts/d", units(60, "rewritten"));
  expect(await baseOf(project)).toMatchObject({ changed: 60, compared: 9 });
});
