import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { checkSnapshot } from "../../src/snapshot/check-snapshot.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import { formatManifest, type ManifestDraft, parseManifest } from "../../src/snapshot/snapshot-manifest.ts";
import type { SnapshotStore } from "../../src/snapshot/snapshot-store.ts";

const directory = mkdtempSync(join(tmpdir(), "headstart store ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const script = fileURLToPath(new URL("./store-writer-child.ts", import.meta.url));

function draft(target: string, fingerprint: string): ManifestDraft {
  return {
    target,
    fingerprint,
    files: [`${"a".repeat(64)}  data/1`],
    dump: { compression: "gzip" },
    pgDumpVersion: "15.1",
    serverVersion: "15.1",
    encoding: "UTF8",
    extensions: [{ name: "pg_trgm", version: "1.6" }],
    strip: [{ truncate: "job" }],
    databaseSettings: [],
    buildMs: 1_000,
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}

const save = async (store: SnapshotStore, target: string, digest: string): Promise<unknown> =>
  await store.write(draft(target, digest), async (path) => await writeFile(path, `dump of ${digest}`));

test("a snapshot that was saved is found by its content, and by no other", async () => {
  const store = directoryStore(join(directory, "found"), { writable: true });
  await save(store, "shop", "one");
  expect(await checkSnapshot(store, { target: "shop", digest: "one" })).toMatchObject({ status: "fresh" });
  expect(await checkSnapshot(store, { target: "shop", digest: "two" })).toMatchObject({
    status: "stale",
    manifest: { fingerprint: "one" },
  });
  expect(await checkSnapshot(store, { target: "other", digest: "one" })).toMatchObject({ status: "missing" });
});

test("a new snapshot takes the place of the old one, whose dump goes", async () => {
  const root = join(directory, "replaced");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  await save(store, "shop", "two");
  const names = readdirSync(join(root, "shop"));
  expect(names).toHaveLength(2);
  const sum = createHash("sha256").update("dump of two").digest("hex");
  expect(names).toContain(`${sum.slice(0, 16)}.pgdump`);
  expect(readFileSync(join(root, ".gitattributes"), "utf8")).toBe("*.pgdump binary\n");
});

test("a store that is not marked writable is never written", async () => {
  const root = join(directory, "read-only");
  await expect(save(directoryStore(root), "shop", "one")).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
  expect(existsSync(root)).toBe(false);
});

test("targets of any name have folders of their own inside the store", async () => {
  const root = join(directory, "names");
  const store = directoryStore(root, { writable: true });
  const names = [
    "../../etc",
    "a/b",
    "a\\b",
    "x".repeat(300),
    "Shop",
    "shop",
    'it\'s "x"',
    "..",
    ".",
    "",
    "con",
    "ü",
    "u\u0308",
    "\n",
  ];
  for (const name of names) await save(store, name, `of ${name}`);
  for (const name of names) {
    expect(await checkSnapshot(store, { target: name, digest: `of ${name}` })).toMatchObject({
      status: "fresh",
    });
  }
  const folders = readdirSync(root).filter((name) => name !== ".gitattributes");
  expect(new Set(folders.map((name) => name.toLowerCase())).size).toBe(names.length);
});

test.each(["dumping", "dumped", "saved"])(
  "killed when %s, a whole snapshot is left, and the next save clears up",
  async (when) => {
    const root = join(directory, `killed-${when}`);
    const store = directoryStore(root, { writable: true });
    await save(store, "shop", "first");
    for (let round = 1; round <= 4; round++) {
      const child = spawn(process.execPath, [
        "--conditions=@headstart/source",
        "--import",
        "tsx",
        script,
        root,
        "shop",
      ]);
      const ended = new Promise((resolve) => child.once("close", resolve));
      let seen = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        // Later in each round, so that the kill meets other steps of the writing.
        if (line === when && ++seen === round) break;
      }
      child.kill("SIGKILL");
      await ended;
      const manifest = parseManifest(readFileSync(join(root, "shop", "fingerprint.json"), "utf8"), root);
      expect(await checkSnapshot(store, { target: "shop", digest: manifest.fingerprint })).toMatchObject({
        status: "fresh",
      });
    }
    await save(store, "shop", "last");
    expect(readdirSync(join(root, "shop")).filter((name) => name.startsWith(".new-"))).toEqual([]);
  },
);

test("writers at the same time leave one whole snapshot", async () => {
  const store = directoryStore(join(directory, "writers"), { writable: true });
  const digests = Array.from({ length: 8 }, (_, index) => `digest ${index}`);
  await Promise.all(digests.map(async (digest) => await save(store, "shop", digest)));
  const checks = await Promise.all(
    digests.map(async (digest) => await checkSnapshot(store, { target: "shop", digest })),
  );
  expect(checks.filter((check) => check.status === "fresh")).toHaveLength(1);
});

test.skipIf(process.getuid?.() !== 0)(
  "a full disk is told as that, and the former snapshot is untouched",
  async () => {
    const root = join(directory, "full");
    mkdirSync(root);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]);
    try {
      const store = directoryStore(root, { writable: true });
      await save(store, "shop", "small");
      const huge = store.write(
        draft("shop", "huge"),
        async (path) => await writeFile(path, Buffer.alloc(1 << 20)),
      );
      await expect(huge).rejects.toMatchObject({ code: "DISK_FULL" });
      expect(await checkSnapshot(store, { target: "shop", digest: "small" })).toMatchObject({
        status: "fresh",
      });
      expect(readdirSync(join(root, "shop"))).toHaveLength(2);
    } finally {
      execFileSync("umount", [root]);
    }
  },
);

test("a place that cannot be a folder is told as unwritable", async () => {
  const file = join(directory, "a file");
  writeFileSync(file, "");
  chmodSync(file, 0o644);
  await expect(save(directoryStore(file, { writable: true }), "shop", "x")).rejects.toMatchObject({
    code: "STORE_UNWRITABLE",
  });
});

test("a Git LFS pointer in place of the dump is recognised", async () => {
  const root = join(directory, "lfs");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const dump = readdirSync(join(root, "shop")).find((name) => name.endsWith(".pgdump")) ?? "";
  writeFileSync(
    join(root, "shop", dump),
    "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123456\n",
  );
  expect(await checkSnapshot(store, { target: "shop", digest: "one" })).toMatchObject({
    status: "torn",
    reason: expect.stringContaining("git lfs pull") as string,
  });
});

test("no edit of the manifest leads out of the folder or into a bare error", async () => {
  const root = join(directory, "edited");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const path = join(root, "shop", "fingerprint.json");
  const good = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  for (const file of ["../../../etc/passwd", "/etc/passwd", "a/b", "", "..", ".hidden", "a\0b"]) {
    writeFileSync(path, JSON.stringify({ ...good, dump: { ...(good["dump"] as object), file } }));
    expect(await checkSnapshot(store, { target: "shop", digest: "one" })).toMatchObject({
      status: "corrupt",
    });
  }
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(good)), fc.jsonValue(), async (key, value) => {
      writeFileSync(path, JSON.stringify({ ...good, [key]: value }));
      const { status } = await checkSnapshot(store, { target: "shop", digest: "one" });
      expect(["fresh", "stale", "missing", "torn", "corrupt"]).toContain(status);
    }),
  );
});

test("a manifest of a later format asks for an update", () => {
  expect(() => parseManifest(JSON.stringify({ format: "headstart-snapshot/2" }), "x")).toThrow(
    expect.objectContaining({ code: "SNAPSHOT_INCOMPATIBLE" }),
  );
});

test("a manifest that is written is read as it was, and its text never changes", () => {
  const manifest = {
    ...draft("shop", "one"),
    dump: { file: "abc.pgdump", sha256: "b".repeat(64), bytes: 3, compression: "gzip" },
  };
  const text = formatManifest(manifest);
  expect(formatManifest(parseManifest(text, "x"))).toBe(text);
  expect(text.endsWith("}\n")).toBe(true);
});
