import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, expect, inject, test } from "vitest";
import { prepare } from "../../src/prepare/prepare.ts";
import type { Target } from "../../src/prepare/target.ts";
import type { Progress } from "../../src/progress.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import type { SnapshotStore } from "../../src/snapshot/snapshot-store.ts";
import { verify } from "../../src/verify/verify.ts";
import { freshDigest } from "../fixtures/databases.ts";

const server = inject("serverUrl");
const directory = mkdtempSync(join(tmpdir(), "headstart save ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function target(name: string, store: SnapshotStore): Target {
  const digest = freshDigest();
  return {
    name,
    fingerprint: async () => ({ digest, manifest: "" }),
    build: async ({ url }) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query("create table item as select generate_series(1, 10) as id");
      await client.end();
    },
    stores: [store],
  };
}

interface Gated {
  readonly store: SnapshotStore;
  /** Resolves once a dump is in the store and waits to be put in place. */
  readonly reached: Promise<void>;
  open(): void;
}

/** A directory store that stops in the middle of writing. */
function gated(store: SnapshotStore): Gated {
  let open = (): void => undefined;
  let reach = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const write: SnapshotStore["write"] = async (draft, dump, options) =>
    await store.write(
      draft,
      async (path) => {
        await dump(path);
        reach();
        await opened;
      },
      options,
    );
  return { store: { ...store, write }, reached, open: () => open() };
}

test("of two checkouts on one server, neither waits while the other saves the same target", async () => {
  const name = `checkouts-${freshDigest().slice(0, 8)}`;
  const stores = ["a", "b"].map((checkout) =>
    directoryStore(join(directory, checkout, "snapshots"), { writable: true }),
  );
  const slow = gated(stores[0]!);
  const saving = prepare(target(name, slow.store), { server });
  await slow.reached;
  await using other = await prepare(target(name, stores[1]!), { server });
  expect(other.saved.status).toBe("saved");
  slow.open();
  await using first = await saving;
  expect(first.saved.status).toBe("saved");
});

test("who waits for another that saves into the same place says so, and for whom", async () => {
  const name = `turns-${freshDigest().slice(0, 8)}`;
  const store = directoryStore(join(directory, "one place"), { writable: true });
  const slow = gated(store);
  const saving = prepare(target(name, slow.store), { server });
  await slow.reached;
  const seen: Progress[] = [];
  await using second = await prepare(target(name, store), {
    server,
    onProgress: (progress) => {
      seen.push(progress);
      if (progress.phase === "wait") slow.open();
    },
  });
  await using first = await saving;
  expect([first.saved.status, second.saved.status]).toEqual(["saved", "saved"]);
  const waited = seen.find(({ phase }) => phase === "wait");
  expect(waited?.detail).toMatch(/^for headstart prepare turns-.*, which saves$/);
});

test("a run that saves nothing still removes what a dead process left in the store", async () => {
  const root = join(directory, "left");
  const store = directoryStore(root, { writable: true });
  const one = target("left", store);
  await using built = await prepare(one, { server, save: "never" });
  expect(built.saved).toEqual({ status: "not-asked", reason: "saving was not asked for" });
  const { writerMark } = await import("../../src/snapshot/sweep-folder.ts");
  // No process has this number: it is above what any system gives.
  const dead = writerMark().replace(`-${process.pid}-`, "-99999999-");
  const left = join(root, "left", `.new-${dead}.pgdump`);
  mkdirSync(join(root, "left"), { recursive: true });
  writeFileSync(left, "half of a dump");
  await using served = await prepare(one, { server, save: "never" });
  expect([served.tier, existsSync(left)]).toEqual(["template", false]);
  writeFileSync(left, "half of a dump");
  await expect(verify(one, { server })).rejects.toMatchObject({ code: "SNAPSHOT_MISSING" });
  expect(existsSync(left)).toBe(false);
});

test("asked for a snapshot, one that cannot be restored here is replaced", async () => {
  const root = join(directory, "foreign");
  const one = target("foreign", directoryStore(root, { writable: true }));
  await using built = await prepare(one, { server });
  expect(built.saved.status).toBe("saved");
  const manifest = join(root, "foreign", "fingerprint.json");
  const foreign = { ...(JSON.parse(readFileSync(manifest, "utf8")) as object), serverVersion: "99.1" };
  writeFileSync(manifest, JSON.stringify(foreign));
  await using served = await prepare(one, { server, save: "always" });
  expect([served.tier, served.saved.status]).toEqual(["template", "saved"]);
  await using restored = await prepare(one, { server, from: "snapshot" });
  expect(restored.tier).toBe("snapshot");
  await using again = await prepare(one, { server, save: "always" });
  expect(again.saved.status).toBe("unchanged");
});

test("the deadline ends a run whose store never answers", async () => {
  const store = directoryStore(join(directory, "hung"), { writable: true });
  const hung: SnapshotStore = { ...store, write: () => new Promise(() => undefined) };
  const one = target("hung", store);
  await using ready = await prepare(one, { server, save: "never" });
  void ready;
  const run = prepare({ ...one, stores: [hung] }, { server, save: "always", deadlineMs: 1_000 });
  await expect(run).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
});
