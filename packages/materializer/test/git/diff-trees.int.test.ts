import { expect, test } from "vitest";
import { collect, mirrorFixture } from "../support/git/mirror-fixture.ts";

test("differences of any two trees are those that git tells", async () => {
  const { upstream, open } = await mirrorFixture();
  const names = ["a", "a.b", "a/b", "a/b/c", "a0", "a-", "d/e", "d/e.f", "d/e/f", "ü", "z z"];
  const commits: string[] = [];
  let state = 1;
  const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let n = 0; n < 25; n++) {
    const chosen = names.filter(() => random(3) === 0);
    // A file and a folder of one name exclude each other.
    const files = chosen.filter((name) => !chosen.some((other) => other.startsWith(`${name}/`)));
    const changes = files.map(
      (name) => [name, random(2) ? `${random(2)}` : { executable: `${random(2)}` }] as const,
    );
    commits.push(await upstream.forcePush("main", changes));
    await upstream.branch(`keep/${n}`, commits.at(-1) ?? "");
  }
  const mirror = await open();
  await mirror.fetch();
  for (const [index, before] of commits.entries()) {
    for (const after of [commits[(index + 1) % commits.length], commits[(index * 7 + 3) % commits.length]]) {
      const args = ["diff-tree", "-r", "-z", "--no-renames", "--raw", before, after ?? ""];
      const told = (await upstream.git(args)).toString().split("\0");
      const changes = await collect(mirror.diffTrees(before, after ?? ""));
      const none = { mode: "000000", oid: "0".repeat(40) };
      const lines = changes.flatMap(({ path, before: old = none, after: now = none }) => [
        `:${old.mode} ${now.mode} ${old.oid} ${now.oid}`,
        path,
      ]);
      expect(lines).toEqual(told.slice(0, -1).map((line) => line.replace(/ [AMDT]$/, "")));
    }
  }
});

test("folders far inside each other take memory by the sum of their names, not of their paths", async () => {
  const { upstream, open } = await mirrorFixture();
  const folder = "n".repeat(200);
  const path = `${`${folder}/`.repeat(2_000)}f`;
  const before = await upstream.commit("main", { [path]: "1" });
  const after = await upstream.commit("main", { [path]: "2", z: "z" });
  const mirror = await open();
  await mirror.fetch();
  const held = process.memoryUsage().arrayBuffers;
  const changes = mirror.diffTrees(before, after)[Symbol.asyncIterator]();
  // All folders are open when the file in the last of them is told.
  const first = await changes.next();
  expect(process.memoryUsage().arrayBuffers - held).toBeLessThan(20 * 2 ** 20);
  expect(first.value).toMatchObject({ problem: "path-too-long" });
  expect(await changes.next()).toMatchObject({ value: { path: "z" } });
  expect((await changes.next()).done).toBe(true);
});
