import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { dropDatabaseByName } from "../../src/drop-database-by-name.ts";
import { prepare } from "../../src/prepare/prepare.ts";
import type { Target } from "../../src/prepare/target.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import type { SnapshotStore } from "../../src/snapshot/snapshot-store.ts";
import { freshDigest, query } from "../fixtures/databases.ts";

const server = inject("serverUrl");
const directory = mkdtempSync(join(tmpdir(), "headstart restore ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A target with a snapshot and no template, whose dump meets something after its first check. */
async function disturbed(meet: (dump: string) => void): Promise<Target> {
  const digest = freshDigest();
  const store = directoryStore(join(directory, digest.slice(0, 8)), { writable: true });
  const target: Target = {
    name: "disturbed",
    fingerprint: async () => ({ digest, manifest: "" }),
    build: async ({ name }) => void (await query(server, "create table item (id int)", { database: name })),
    stores: [store],
  };
  await using built = await prepare(target, { server });
  await dropDatabaseByName(built.template.name, { server });
  let opened = 0;
  const open: SnapshotStore["open"] = async (manifest, options) => {
    const dump = await store.open(manifest, options);
    if (opened++ === 0) meet(dump.path);
    return dump;
  };
  return { ...target, stores: [{ ...store, open }] };
}

test("a dump that vanishes once it was checked makes the snapshot a torn one, and the build serves", async () => {
  const target = await disturbed((dump) => rmSync(dump));
  await using prepared = await prepare(target, { server });
  expect(prepared.tier).toBe("build");
  const step = prepared.steps.find(({ tier }) => tier === "snapshot");
  expect(step).toMatchObject({ outcome: "failed", code: "SNAPSHOT_TORN" });
});

test("a pair that a writer replaced once it was checked is looked at anew", async () => {
  const target = await disturbed((dump) => {
    const manifest = join(dirname(dump), "fingerprint.json");
    const parsed = JSON.parse(readFileSync(manifest, "utf8")) as { dump: { file: string } };
    parsed.dump.file = "0123456789abcdef.pgdump";
    renameSync(dump, join(dirname(dump), parsed.dump.file));
    writeFileSync(manifest, JSON.stringify(parsed));
  });
  await using prepared = await prepare(target, { server });
  expect(prepared.tier).toBe("snapshot");
});
