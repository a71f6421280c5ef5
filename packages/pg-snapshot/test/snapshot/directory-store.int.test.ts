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
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { checkSnapshot } from "../../src/snapshot/check-snapshot.ts";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import { readManifest } from "../../src/snapshot/read-manifest.ts";
import { writerMark } from "../../src/snapshot/sweep-folder.ts";
import { draft, manifest, save } from "./drafts.ts";

const directory = mkdtempSync(join(tmpdir(), "headstart store ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const script = fileURLToPath(new URL("./store-writer-child.ts", import.meta.url));
const isRoot = process.getuid?.() === 0;

interface Ended {
  readonly killed: boolean;
  readonly lines: readonly string[];
}

/** A process of its own that saves snapshots, until it has ended. */
async function writer(root: string, target: string, ...more: readonly string[]): Promise<Ended> {
  const args = ["--conditions=@headstart/source", "--import", "tsx", script, root, target, ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return await new Promise((resolve) => {
    child.once("close", (_, signal) =>
      resolve({ killed: signal === "SIGKILL", lines: output.trim().split("\n") }),
    );
  });
}

/** The digest of the snapshot in place, whatever it is, once it is proved to be whole. */
async function wholeDigest(root: string, target: string): Promise<string> {
  const { fingerprint } = (await readManifest(join(root, target))) ?? manifest();
  const check = await checkSnapshot(directoryStore(root), { target, digest: fingerprint });
  expect(check.status).toBe("fresh");
  return fingerprint;
}

const foldersIn = (root: string): string[] => readdirSync(root).filter((name) => !name.startsWith("."));

test("a snapshot that was saved is found by its content, and by no other", async () => {
  const store = directoryStore(join(directory, "found"), { writable: true });
  const saved = await save(store, "shop", "one");
  expect(await checkSnapshot(store, { target: "shop", digest: "one" })).toEqual({
    status: "fresh",
    manifest: saved,
  });
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
  const sum = createHash("sha256").update("dump of two").digest("hex");
  expect(readdirSync(join(root, "shop")).sort()).toEqual([`${sum.slice(0, 16)}.pgdump`, "fingerprint.json"]);
});

test("the same dump saved again keeps its file", async () => {
  const root = join(directory, "same");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  await save(store, "shop", "one");
  expect(readdirSync(join(root, "shop"))).toHaveLength(2);
  expect(await wholeDigest(root, "shop")).toBe("one");
});

test("a store that is not marked writable is never written", async () => {
  const root = join(directory, "read-only");
  await expect(save(directoryStore(root), "shop", "one")).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
  expect(existsSync(root)).toBe(false);
});

test("targets of any name have folders of their own inside the store", async () => {
  const root = join(directory, "names");
  const store = directoryStore(root, { writable: true });
  const long = "x".repeat(300);
  const names = ["../../etc", "/etc", "a/b", "a\\b", long, `${long}y`, "Shop", "shop", "shop.", 'it\'s "x"'];
  names.push("..", ".", "", "con", "CON", "ü", "u\u0308", "日本語".repeat(70), "\n", "\0", "-rf", "a b");
  for (const name of names) await save(store, name, `of ${name}`);
  for (const name of names) {
    const check = await checkSnapshot(store, { target: name, digest: `of ${name}` });
    expect(check.status, name).toBe("fresh");
  }
  expect(new Set(foldersIn(root).map((name) => name.toLowerCase())).size).toBe(names.length);
  expect(foldersIn(root)).not.toContain("con");
});

test("killed before any step of the writing, a whole snapshot is left, and the next save clears up", async () => {
  const root = join(directory, "killed");
  const store = directoryStore(root, { writable: true });
  const steps: string[] = [];
  for (let step = 1; ; step++) {
    await save(store, "shop", `before step ${step}`);
    const ended = await writer(root, "shop", "1", String(step));
    const digest = await wholeDigest(root, "shop");
    if (!ended.killed) {
      expect(`saved ${digest}`).toBe(ended.lines[0]);
      break;
    }
    steps.push(`${ended.lines[0]}: ${digest === `before step ${step}` ? "old" : "new"}`);
    await save(store, "shop", "next");
    expect(await wholeDigest(root, "shop")).toBe("next");
    expect(readdirSync(join(root, "shop")), steps.join("\n")).toHaveLength(2);
  }
  expect(steps.filter((step) => step.startsWith("killed before rename"))).toEqual([
    "killed before rename: old",
    "killed before rename: old",
  ]);
  // Everything that is put in place is on the disk before, and the folder's entries after.
  expect(steps.filter((step) => step.startsWith("killed before sync"))).toHaveLength(4);
});

test("processes that save at the same time leave one whole pair, and readers never meet half of one", async () => {
  const root = join(directory, "writers");
  await save(directoryStore(root, { writable: true }), "shop", "first");
  const writers = Promise.all([1, 2, 3].map(async () => await writer(root, "shop", "25")));
  const running = new Set([writers]);
  void writers.then(() => running.delete(writers));
  const seen = new Set<string>();
  while (running.size > 0) {
    const lookup = await directoryStore(root).find("shop", "none of them");
    expect(lookup).toMatchObject({ status: "stale" });
    const digest = lookup.status === "stale" ? lookup.manifest.fingerprint : "";
    seen.add(digest);
    const check = await checkSnapshot(directoryStore(root), { target: "shop", digest });
    expect(["fresh", "stale"], JSON.stringify(check)).toContain(check.status);
  }
  const last = (await writers).flatMap(({ lines }) => lines.at(-1) ?? "");
  expect(last).toContain(`saved ${await wholeDigest(root, "shop")}`);
  expect(readdirSync(join(root, "shop"))).toHaveLength(2);
  expect(seen.size).toBeGreaterThan(1);
}, 240_000);

test("what is not ours is never cleared away", async () => {
  const root = join(directory, "foreign");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const foreign = ["backup.pgdump", "notes.txt", ".new-thing", `.new-00000000-1-${"0".repeat(8)}.pgdump`];
  for (const name of foreign) writeFileSync(join(root, "shop", name), "mine");
  await save(store, "shop", "two");
  expect(readdirSync(join(root, "shop"))).toEqual(expect.arrayContaining(foreign));
});

test("an unfinished file of another machine is given up after a day", async () => {
  const root = join(directory, "other machine");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const left = join(root, "shop", `.new-00000000-1-${"0".repeat(8)}.pgdump`);
  writeFileSync(left, "half");
  await save(store, "shop", "two");
  expect(existsSync(left)).toBe(true);
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  utimesSync(left, longAgo, longAgo);
  await save(store, "shop", "three");
  expect(existsSync(left)).toBe(false);
});

test("an unfinished file with our own process number is another's when it is older than we are", async () => {
  const root = join(directory, "own number");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const left = join(root, "shop", `.new-${writerMark()}.pgdump`);
  writeFileSync(left, "half");
  await save(store, "shop", "two");
  expect(existsSync(left)).toBe(true);
  const longAgo = new Date(Date.now() - process.uptime() * 1000 - 3_600_000);
  utimesSync(left, longAgo, longAgo);
  await save(store, "shop", "three");
  expect(existsSync(left)).toBe(false);
});

const unshare = "/usr/bin/unshare";

test.runIf(isRoot && existsSync(unshare))(
  "a container with process numbers of its own leaves alone what is being written outside of it",
  async () => {
    const root = join(directory, "namespaces");
    await save(directoryStore(root, { writable: true }), "shop", "one");
    const ours = join(root, "shop", `.new-${writerMark()}.pgdump`);
    writeFileSync(ours, "half");
    const args = ["--conditions=@headstart/source", "--import", "tsx", script, root, "shop", "1"];
    const said = execFileSync(unshare, ["--pid", "--fork", process.execPath, ...args]).toString();
    expect(said).toMatch(/^saved /);
    expect(existsSync(ours)).toBe(true);
  },
);

test("a dump that fails leaves the former snapshot and nothing else", async () => {
  const root = join(directory, "failing");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const failing = store.write(draft("shop", "two"), async (path) => {
    await writeFile(path, "half");
    throw new Error("the dump failed");
  });
  await expect(failing).rejects.toThrow("the dump failed");
  expect(await wholeDigest(root, "shop")).toBe("one");
  expect(readdirSync(join(root, "shop"))).toHaveLength(2);
});

test("an abort ends the writing with its own reason, and the former snapshot stays", async () => {
  const root = join(directory, "aborted");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const controller = new AbortController();
  const reason = new Error("enough");
  const writing = store.write(
    draft("shop", "two"),
    async (path) => {
      await writeFile(path, "whole");
      controller.abort(reason);
    },
    { signal: controller.signal },
  );
  await expect(writing).rejects.toBe(reason);
  expect(await wholeDigest(root, "shop")).toBe("one");
  expect(readdirSync(join(root, "shop"))).toHaveLength(2);
  const { signal } = controller;
  await expect(checkSnapshot(store, { target: "shop", digest: "one" }, { signal })).rejects.toBe(reason);
});

test.skipIf(!isRoot)(
  "a full disk is told as that, whatever fills it, and the former snapshot is untouched",
  async () => {
    const root = join(directory, "full");
    mkdirSync(root);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]);
    try {
      const store = directoryStore(root, { writable: true });
      await save(store, "shop", "small");
      const hugeDump = store.write(
        draft("shop", "huge"),
        async (path) => await writeFile(path, Buffer.alloc(1 << 20)),
      );
      await expect(hugeDump).rejects.toMatchObject({ code: "DISK_FULL" });
      const files = Array.from({ length: 4_000 }, (_, index) => `${"a".repeat(64)}  data/${index}`);
      const hugeManifest = store.write(
        { ...draft("shop", "huge"), files },
        async (path) => await writeFile(path, "x"),
      );
      await expect(hugeManifest).rejects.toMatchObject({ code: "DISK_FULL" });
      expect(await wholeDigest(root, "shop")).toBe("small");
      expect(readdirSync(join(root, "shop"))).toHaveLength(2);
    } finally {
      execFileSync("umount", [root]);
    }
  },
);

test.skipIf(!isRoot)("a read-only file system is told as unwritable, and still read", async () => {
  const root = join(directory, "mounted");
  mkdirSync(root);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]);
  try {
    const store = directoryStore(root, { writable: true });
    await save(store, "shop", "one");
    execFileSync("mount", ["-o", "remount,ro", root]);
    await expect(save(store, "shop", "two")).rejects.toMatchObject({
      code: "STORE_UNWRITABLE",
      message: expect.stringContaining("EROFS") as string,
    });
    expect(await wholeDigest(root, "shop")).toBe("one");
  } finally {
    execFileSync("umount", [root]);
  }
});

test.skipIf(isRoot)("a folder without the right to write is told as unwritable", async () => {
  const root = join(directory, "forbidden");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  chmodSync(join(root, "shop"), 0o555);
  await expect(save(store, "shop", "two")).rejects.toMatchObject({ code: "STORE_UNWRITABLE" });
  chmodSync(join(root, "shop"), 0o755);
  expect(await wholeDigest(root, "shop")).toBe("one");
});

test("a place that cannot be a folder is told as unwritable, and as no snapshot", async () => {
  const file = join(directory, "a file");
  writeFileSync(file, "");
  const store = directoryStore(file, { writable: true });
  await expect(save(store, "shop", "x")).rejects.toMatchObject({
    code: "STORE_UNWRITABLE",
    hint: expect.stringContaining("remove the file that is in the folder's place") as string,
  });
  expect(await checkSnapshot(store, { target: "shop", digest: "x" })).toMatchObject({
    status: "corrupt",
    reason: expect.stringContaining("ENOTDIR") as string,
  });
});

test.runIf(process.platform === "linux")(
  "a place where no folder can be made is told as unwritable, and does not take for ever",
  async () => {
    const store = directoryStore("/proc/no/such/place", { writable: true });
    await expect(save(store, "shop", "x")).rejects.toMatchObject({ code: "STORE_UNWRITABLE" });
  },
);

test("what a killed writer left is tidied away without a save, and a live writer's is not", async () => {
  const root = join(directory, "tidied");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  for (const step of ["5", "7"])
    expect(await writer(root, "shop", "1", step)).toMatchObject({ killed: true });
  const unfinished = (): string[] =>
    readdirSync(join(root, "shop")).filter((name) => name.startsWith(".new-"));
  expect(unfinished()).not.toEqual([]);
  await store.write(draft("shop", "two"), async (path) => {
    writeFileSync(path, "being written");
    await store.tidy?.("shop");
    expect(unfinished()).toEqual([basename(path)]);
  });
  await directoryStore(join(directory, "never made"), { writable: true }).tidy?.("shop");
});

interface Damage {
  readonly what: string;
  readonly status: string;
  readonly says: RegExp;
  readonly damage: (folder: string, dump: string) => void;
}

const damages: readonly Damage[] = [
  {
    what: "a flipped byte",
    status: "corrupt",
    says: /does not have the SHA-256/,
    damage: (_, dump) => writeFileSync(dump, "dump of onE"),
  },
  {
    what: "a truncated dump",
    status: "torn",
    says: /has 3 bytes, fingerprint\.json says 11/,
    damage: (_, dump) => truncateSync(dump, 3),
  },
  { what: "a missing dump", status: "torn", says: /which is not there/, damage: (_, dump) => rmSync(dump) },
  {
    what: "a folder in place of the dump",
    status: "torn",
    says: /is no file/,
    damage: (_, dump) => {
      rmSync(dump);
      mkdirSync(dump);
    },
  },
  {
    what: "a Git LFS pointer in place of the dump",
    status: "torn",
    says: /git lfs pull/,
    damage: (_, dump) =>
      writeFileSync(dump, "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123456\n"),
  },
  {
    what: "a missing manifest",
    status: "torn",
    says: /a dump without fingerprint\.json/,
    damage: (folder) => rmSync(join(folder, "fingerprint.json")),
  },
  {
    what: "an empty manifest",
    status: "corrupt",
    says: /no JSON/,
    damage: (folder) => truncateSync(join(folder, "fingerprint.json"), 0),
  },
  {
    what: "a folder in place of the manifest",
    status: "corrupt",
    says: /is no file/,
    damage: (folder) => {
      rmSync(join(folder, "fingerprint.json"));
      mkdirSync(join(folder, "fingerprint.json"));
    },
  },
  {
    what: "a named pipe in place of the manifest",
    status: "corrupt",
    says: /is no file/,
    damage: (folder) => {
      rmSync(join(folder, "fingerprint.json"));
      execFileSync("mkfifo", [join(folder, "fingerprint.json")]);
    },
  },
  {
    what: "a manifest larger than memory",
    status: "corrupt",
    says: /has 1099511627776 bytes/,
    damage: (folder) => truncateSync(join(folder, "fingerprint.json"), 2 ** 40),
  },
  {
    what: "the manifest of another target",
    status: "missing",
    says: /belongs to target "other"/,
    damage: (folder) => {
      const path = join(folder, "fingerprint.json");
      writeFileSync(path, readFileSync(path, "utf8").replace('"shop"', '"other"'));
    },
  },
];

test.each(damages)(
  "$what is told as $status, and the next save mends it",
  async ({ what, status, says, damage }) => {
    const root = join(directory, `damage ${what}`);
    const store = directoryStore(root, { writable: true });
    const { dump } = await save(store, "shop", "one");
    damage(join(root, "shop"), join(root, "shop", dump.file));
    const check = await checkSnapshot(store, { target: "shop", digest: "one" });
    expect(check).toMatchObject({ status, reason: expect.stringMatching(says) as string });
    if (what.startsWith("a folder")) return;
    await save(store, "shop", "two");
    expect(await wholeDigest(root, "shop")).toBe("two");
  },
);

test("no edit of the manifest leads out of the folder or into a bare error", async () => {
  const root = join(directory, "edited");
  const store = directoryStore(root, { writable: true });
  await save(store, "shop", "one");
  const path = join(root, "shop", "fingerprint.json");
  const good = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(good)), fc.jsonValue(), async (key, value) => {
      writeFileSync(path, JSON.stringify({ ...good, [key]: value }));
      const { status } = await checkSnapshot(store, { target: "shop", digest: "one" });
      expect(["fresh", "stale", "missing", "torn", "corrupt"]).toContain(status);
    }),
  );
});

test("a manifest that names itself as its dump does not make a save delete it", async () => {
  const root = join(directory, "itself");
  const store = directoryStore(root, { writable: true });
  const saved = await save(store, "shop", "one");
  const path = join(root, "shop", "fingerprint.json");
  writeFileSync(path, JSON.stringify({ ...saved, dump: { ...saved.dump, file: "fingerprint.json" } }));
  await save(store, "shop", "two");
  expect(await wholeDigest(root, "shop")).toBe("two");
});
