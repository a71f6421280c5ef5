import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fingerprint, type FingerprintOptions } from "../src/fingerprint.ts";
import { folder } from "./folder.ts";

/** A folder that nobody writes, so that its times can be trusted: an installed package. */
const oldFolder = dirname(createRequire(import.meta.url).resolve("picomatch"));

/**
 * Fingerprints until the cache trusts every file, which is when the clock has moved on from their last change. The
 * tests that need it run at the same time, so that the wait is one.
 */
async function untilTrusted(options: FingerprintOptions): Promise<void> {
  const filesRead = async (): Promise<number> => (await fingerprint(options)).filesRead;
  await expect.poll(filesRead, { timeout: 30_000 }).toBe(0);
}

test("F2: any change of one byte is seen, warm or cold, at the same size within the same tick", async () => {
  using files = folder();
  using cache = folder();
  const cacheFile = join(cache.path, "stat");
  const roots = { r: files.path };
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), async (start, at, flip) => {
      const content = Buffer.from(start);
      files.write("file", content);
      const before = await fingerprint({ roots, cacheFile });
      content[at % content.length] = (content[at % content.length] ?? 0) ^ flip;
      files.write("file", content);
      const warm = await fingerprint({ roots, cacheFile });
      expect(warm.digest).not.toBe(before.digest);
      expect((await fingerprint({ roots })).digest).toBe(warm.digest);
    }),
    { numRuns: 60 },
  );
});

test.concurrent(
  "F2: a change to a trusted file is seen, at the same size and with its old time put back",
  async () => {
    using files = folder({ a: "one", b: "two", "c/d": "three" });
    using cache = folder();
    const options = { roots: { r: files.path }, cacheFile: join(cache.path, "stat") };
    await untilTrusted(options);
    const before = await fingerprint(options);
    const { atimeMs, mtimeMs } = statSync(join(files.path, "b"));
    const file = openSync(join(files.path, "b"), "r+");
    writeSync(file, "2wo");
    closeSync(file);
    utimesSync(join(files.path, "b"), atimeMs / 1000, mtimeMs / 1000);
    const after = await fingerprint(options);
    expect([before.filesRead, after.filesRead]).toEqual([0, 1]);
    expect(after.digest).not.toBe(before.digest);
    expect(after.digest).toBe((await fingerprint({ roots: options.roots })).digest);
  },
);

test.concurrent("F2: files that came, went or changed places are seen beside trusted ones", async () => {
  using files = folder({ a: "1", b: "2", c: "3" });
  using cache = folder();
  const options = { roots: { r: files.path }, cacheFile: join(cache.path, "stat") };
  await untilTrusted(options);
  execFileSync("bash", ["-c", "rm a && mv b d && mv c b && mv d c && echo new >e"], { cwd: files.path });
  const warm = await fingerprint(options);
  expect(warm).toMatchObject({ digest: (await fingerprint({ roots: options.roots })).digest, files: 3 });
});

test.concurrent("the same file with other line ends has its own place in the cache", async () => {
  using files = folder({ text: "a\r\nb\r\n" });
  using cache = folder();
  const options = {
    roots: { bytes: files.path, lines: { path: files.path, eol: "lf" as const } },
    cacheFile: join(cache.path, "stat"),
  };
  await untilTrusted(options);
  const warm = await fingerprint(options);
  expect(warm.digest).toBe((await fingerprint({ roots: options.roots })).digest);
  const [bytes, lines] = warm.manifest.split("\n");
  expect(bytes?.slice(0, 64)).not.toBe(lines?.slice(0, 64));
});

test("unchanged files are not read again, and the cache is not written again", async () => {
  using cache = folder();
  const options = { roots: { r: oldFolder }, cacheFile: join(cache.path, "deep", "stat") };
  const first = await fingerprint(options);
  const { ino } = statSync(options.cacheFile);
  const second = await fingerprint(options);
  expect(second).toEqual({ ...first, filesRead: 0 });
  expect(first.filesRead).toBe(first.files);
  expect(statSync(options.cacheFile).ino).toBe(ino);
});

test("a file is never trusted in the tick in which it was written", async () => {
  using files = folder({ fresh: "1" });
  using cache = folder();
  const options = { roots: { r: files.path }, cacheFile: join(cache.path, "stat") };
  await fingerprint(options);
  expect((await fingerprint(options)).filesRead).toBe(1);
});

test.each([
  ["garbage", () => Buffer.from("not a cache")],
  ["empty", () => Buffer.alloc(0)],
  ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 5)],
  ["cut in its head", (bytes: Buffer) => bytes.subarray(0, 40)],
  [
    "of another version",
    (bytes: Buffer) => Buffer.concat([Buffer.from("headstart-stat-cache/9"), bytes.subarray(22)]),
  ],
  ["longer than it was", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("more")])],
  ["without its hashes", (bytes: Buffer) => bytes.subarray(0, 72)],
])("a cache that is %s is ignored, and replaced", async (_, damage) => {
  using cache = folder();
  const options = { roots: { r: oldFolder }, cacheFile: join(cache.path, "stat") };
  const before = await fingerprint(options);
  writeFileSync(options.cacheFile, damage(readFileSync(options.cacheFile)));
  const after = await fingerprint(options);
  expect(after).toEqual(before);
  expect((await fingerprint(options)).filesRead).toBe(0);
});

test("no flipped byte of a cache changes a digest", async () => {
  using cache = folder();
  const options = { roots: { r: oldFolder }, cacheFile: join(cache.path, "stat") };
  const { digest } = await fingerprint(options);
  const whole = readFileSync(options.cacheFile);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      writeFileSync(options.cacheFile, damaged);
      expect((await fingerprint(options)).digest).toBe(digest);
    }),
    { numRuns: 60 },
  );
});

test("a cache that cannot be read or written is no error", async () => {
  using files = folder({ a: "1" });
  using cache = folder();
  const roots = { r: files.path };
  mkdirSync(join(cache.path, "folder"));
  execFileSync("mkfifo", [join(cache.path, "pipe")]);
  for (const cacheFile of [
    join(files.path, "a", "stat"),
    join(cache.path, "folder"),
    join(cache.path, "pipe"),
  ]) {
    expect((await fingerprint({ roots, cacheFile })).files).toBe(1);
  }
  expect(readdirSync(cache.path).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["folder", "pipe"]);
});

test("processes that share a cache leave a whole one and nothing else", async () => {
  using cache = folder();
  const cacheFile = join(cache.path, "stat");
  const child = fileURLToPath(new URL("./fingerprint-child.ts", import.meta.url));
  const runs = Array.from({ length: 6 }, async () => {
    const { stdout } = await execa(process.execPath, ["--import", "tsx", child, oldFolder], {
      env: { CACHE_FILE: cacheFile },
    });
    return stdout;
  });
  const digests = await Promise.all(runs);
  const after = await fingerprint({ roots: { r: oldFolder }, cacheFile });
  expect(new Set(digests)).toEqual(new Set([after.digest]));
  expect(after.filesRead).toBe(0);
  expect(readdirSync(cache.path)).toEqual(["stat"]);
});
