import { expect, test } from "vitest";
import { readBranches } from "../../src/status/read-branches.ts";
import { markdown, openStatusServer } from "../support/status-server.ts";

test("a look returns what was written since the look before, and nothing twice", async () => {
  await using server = await openStatusServer({ begin: false });
  const { db } = server;
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await upstream.branches(["drafts/x", "drafts/y"], start);
  await server.settle("handbook");
  const all = await readBranches(db);
  expect(all.branches).toHaveLength(3);
  const nothing = await readBranches(db, { since: all.snapshot });
  expect(nothing.branches).toEqual([]);
  await db.query(
    "update headstart_materializer.branches set owner = 'ada' where ref = 'refs/heads/drafts/x'",
  );
  const one = await readBranches(db, { since: nothing.snapshot });
  expect(one.branches.map(({ ref, owner }) => [ref, owner])).toEqual([["refs/heads/drafts/x", "ada"]]);
  expect((await readBranches(db, { since: one.snapshot })).branches).toEqual([]);
});

test("a transaction that was open during a look is in the first look after its end", async () => {
  await using server = await openStatusServer({ begin: false });
  const { db } = server;
  const upstream = await server.repository("handbook");
  await upstream.commit("main", { "pages/a.md": markdown("A") });
  await server.settle("handbook");
  const client = await db.connect();
  await client.query("begin");
  await client.query("update headstart_materializer.branches set owner = 'slow'");
  await db.query("update headstart_materializer.repositories set tenant = 'later'");
  const during = await readBranches(db);
  expect(during.branches[0]?.owner).not.toBe("slow");
  await client.query("commit");
  client.release();
  const after = await readBranches(db, { since: during.snapshot });
  expect(after.branches.map(({ owner }) => owner)).toEqual(["slow"]);
});

test("beyond the limit, what fails and what is live comes first, and the others are counted", async () => {
  await using server = await openStatusServer({ begin: false });
  const upstream = await server.repository("handbook");
  const start = await upstream.commit("main", { "pages/a.md": markdown("A") });
  await upstream.branches(["drafts/1", "drafts/2", "drafts/3", "drafts/bad"], start);
  await upstream.commit("drafts/bad", { "pages/a.md": "---\n---\n" });
  await server.settle("handbook");
  const look = await readBranches(server.db, { limit: 2 });
  expect(look.found).toBe(5);
  expect(look.branches.map(({ ref }) => ref).toSorted()).toEqual([
    "refs/heads/drafts/bad",
    "refs/heads/main",
  ]);
});
