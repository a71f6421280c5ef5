import {
  cpSync,
  mkdirSync,
  openSync,
  closeSync,
  ftruncateSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprint, type FingerprintProgress } from "../src/fingerprint.ts";
import { type Folder, folder } from "./folder.ts";

const count = 12_000;
let many: Folder;
let alone: string;

beforeAll(async () => {
  many = folder();
  for (let index = 0; index < count; index++) {
    const part = join(many.path, `d${index % 120}`);
    if (index < 120) mkdirSync(part);
    writeFileSync(join(part, `f${index}`), String(index));
  }
  ({ digest: alone } = await fingerprint({ roots: { r: many.path }, concurrency: 1 }));
});

afterAll(() => many[Symbol.dispose]());

/** What became of the threads that start while `work` is done: the codes they exited with, and their errors. */
async function threadsOf(work: () => Promise<unknown>): Promise<unknown[]> {
  const ends: Promise<unknown>[] = [];
  const watch = (worker: Worker): void => {
    ends.push(
      new Promise((resolve) => {
        worker.once("error", resolve);
        worker.once("exit", resolve);
      }),
    );
  };
  process.on("worker", watch);
  try {
    await work();
    return await Promise.all(ends);
  } finally {
    process.off("worker", watch);
  }
}

test("threads of the sources agree with one thread", async () => {
  const threads = await threadsOf(async () => {
    const { digest, filesRead } = await fingerprint({ roots: { r: many.path }, concurrency: 3 });
    expect([digest, filesRead]).toEqual([alone, count]);
  });
  expect(threads).toEqual([0, 0]);
});

test("few small files start no thread, and neither do files that the cache knows", async () => {
  using files = folder({ a: "1", b: "2" });
  const threads = await threadsOf(
    async () => await fingerprint({ roots: { r: files.path }, concurrency: 8 }),
  );
  expect(threads).toEqual([]);
});

test("few large files start threads", async () => {
  using files = folder();
  for (let index = 0; index < 4; index++) {
    const file = openSync(files.write(`large-${index}`, ""), "r+");
    ftruncateSync(file, 128 << 20);
    closeSync(file);
  }
  const threads = await threadsOf(
    async () => await fingerprint({ roots: { r: files.path }, concurrency: 2 }),
  );
  expect(threads).toEqual([0]);
});

const dist = fileURLToPath(new URL("../dist", import.meta.url));

/** Runs a package of its own process and tells its digest, its threads and its last progress. */
async function runBuilt(from: string, flags: readonly string[] = []): Promise<unknown> {
  const script = `
    import { fingerprint } from ${JSON.stringify(join(from, "index.js"))};
    const threads = [];
    process.on("worker", (worker) => {
      worker.once("error", ({ code }) => threads.push(code));
      worker.once("exit", (code) => threads.push(code));
    });
    const progress = [];
    const roots = { r: process.argv[1] };
    const { digest } = await fingerprint({ roots, concurrency: 2, onProgress: (now) => progress.push(now) });
    console.log(JSON.stringify({ digest, threads, last: progress.at(-1) }));`;
  const { stdout } = await execa(process.execPath, [
    ...flags,
    "--input-type=module",
    "-e",
    script,
    many.path,
  ]);
  return JSON.parse(stdout);
}

test("threads of the built package agree with one thread", async () => {
  expect(await runBuilt(dist)).toEqual({
    digest: alone,
    threads: [0],
    last: { files: count, total: count, bytes: expect.any(Number) as number },
  });
});

test("threads do not load what others preload into their own programs", async () => {
  using files = folder({
    "only-once.mjs": `import { isMainThread } from "node:worker_threads"; if (!isMainThread) process.exit(7);`,
  });
  const result = await runBuilt(dist, ["--import", join(files.path, "only-once.mjs")]);
  expect(result).toMatchObject({ digest: alone, threads: [0] });
});

test("without the thread's file, as in a bundle, the main thread does the work", async () => {
  using copy = folder();
  cpSync(dist, copy.path, { recursive: true });
  symlinkSync(join(dirname(dist), "node_modules"), join(copy.path, "node_modules"));
  writeFileSync(join(copy.path, "package.json"), `{ "type": "module" }`);
  rmSync(join(copy.path, "hash-worker.js"));
  expect(await runBuilt(copy.path)).toMatchObject({
    digest: alone,
    threads: [expect.stringContaining("MODULE_NOT_FOUND"), 1],
  });
});

test("where threads are not permitted, the main thread does the work", async () => {
  const permission = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  expect(await runBuilt(dist, [permission, "--allow-fs-read=*"])).toMatchObject({
    digest: alone,
    threads: [],
  });
});

test("a thread that dies leaves its files to the others", async () => {
  const kill = (worker: Worker): void => void worker.once("online", () => void worker.terminate());
  process.on("worker", kill);
  try {
    expect((await fingerprint({ roots: { r: many.path }, concurrency: 4 })).digest).toBe(alone);
  } finally {
    process.off("worker", kill);
  }
});

test("an error that a thread meets is the main thread's error, with its cause", async () => {
  using files = folder();
  cpSync(many.path, files.path, { recursive: true });
  // A file for the listing, and gone for the reading: its folder is swapped in between.
  const work = fingerprint({
    roots: { r: files.path },
    concurrency: 3,
    onProgress: () => rmSync(join(files.path, "d99"), { recursive: true, force: true }),
  });
  await expect(work).rejects.toMatchObject({
    code: "FILE_UNSETTLED",
    hint: expect.any(String) as string,
    cause: expect.objectContaining({ code: "ENOENT" }) as Error,
  });
});

test("progress never goes back and ends complete", async () => {
  const seen: FingerprintProgress[] = [];
  const { bytes } = await fingerprint({
    roots: { r: many.path },
    concurrency: 2,
    onProgress: (progress) => seen.push(progress),
  });
  expect(seen.at(-1)).toEqual({ files: count, total: count, bytes });
  expect(seen).toEqual([...seen].sort((a, b) => a.files - b.files || a.bytes - b.bytes));
});

/** Files below a folder that this process has open; it opens others of its own at any time. */
function openBelow(path: string): string[] {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    // A descriptor may be closed between the listing and the look at it.
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(path));
}

test("an abort in the middle of a file ends the threads, closes the files and leaves no cache", async () => {
  using files = folder();
  using cache = folder();
  for (let index = 0; index < 3; index++) {
    const file = openSync(files.write(`huge-${index}`, ""), "r+");
    ftruncateSync(file, 8 * 2 ** 30);
    closeSync(file);
  }
  const controller = new AbortController();
  const reason = new Error("enough");
  let reports = 0;
  const threads = await threadsOf(async () => {
    const work = fingerprint({
      roots: { r: files.path },
      concurrency: 2,
      cacheFile: join(cache.path, "stat"),
      signal: controller.signal,
      onProgress: () => void (++reports === 12 && controller.abort(reason)),
    });
    await expect(work).rejects.toBe(reason);
  });
  expect(threads).toEqual([1]);
  expect([openBelow(files.path), readdirSync(cache.path)]).toEqual([[], []]);
});

test("an abort while other threads do the work is heeded", async () => {
  using files = folder();
  const controller = new AbortController();
  for (const [name, size] of [
    ["a-small", 1 << 28],
    ["b-huge", 2 ** 35],
  ] as const) {
    const file = openSync(files.write(name, ""), "r+");
    ftruncateSync(file, size);
    closeSync(file);
  }
  const work = fingerprint({
    roots: { r: files.path },
    concurrency: 2,
    signal: controller.signal,
    onProgress: ({ files: done }) => void (done === 1 && controller.abort()),
  });
  await expect(work).rejects.toMatchObject({ name: "AbortError" });
});

test("a number of threads that is none is refused", async () => {
  for (const concurrency of [0, -1, 1.5, Number.NaN]) {
    await expect(fingerprint({ roots: { r: many.path }, concurrency })).rejects.toBeInstanceOf(RangeError);
  }
});
