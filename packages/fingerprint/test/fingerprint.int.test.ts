import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type FingerprintOptions, fingerprint } from "../src/fingerprint.ts";
import { digestOf } from "../src/manifest.ts";
import { folder } from "./folder.ts";

const digest = async (
  roots: FingerprintOptions["roots"],
  more: Partial<FingerprintOptions> = {},
): Promise<string> => (await fingerprint({ roots, ...more })).digest;

const paths = async (root: FingerprintOptions["roots"][string]): Promise<string[]> =>
  (await fingerprint({ roots: { r: root } })).manifest
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\\?[0-9a-f]{64} {2}r\//, ""));

const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => "no error",
    (error: { code?: unknown }) => error.code,
  );

test("F1: a stranger gets the same manifest and digest with sha256sum and sort alone", async () => {
  using files = folder({
    "b.txt": "b",
    "a/ä b.txt": "two words",
    "a/Z": "",
    "a-b": "sorts before the folder's files",
    ".hidden": "counts",
    "new\nline": "escaped",
    "back\\slash": "escaped too",
    "😀": "beyond the basic plane",
    "\uffee": "before it by bytes, after it by UTF-16 units",
  });
  const ours = await fingerprint({ roots: { data: files.path } });
  const script = `cd "$1" && find . -type f -print0 | sed -z 's|^\\./|data/|' | (cd "$2" && xargs -0 sha256sum) | LC_ALL=C sort -k 2`;
  using linked = folder();
  symlinkSync(files.path, join(linked.path, "data"));
  const manifest = execFileSync("bash", ["-c", script, "-", files.path, linked.path]).toString();
  const sorted = (text: string): string[] => text.trimEnd().split("\n").sort();
  expect(sorted(ours.manifest)).toEqual(sorted(manifest));
  expect(ours.digest).toBe(execFileSync("sha256sum", { input: ours.manifest }).toString().slice(0, 64));
});

test("F1: neither the working folder, the locale, the order of creation nor the times matter", async () => {
  using one = folder({ a: "1", b: "2", "c/d": "3" });
  using two = folder({ "c/d": "3", b: "2", a: "1" });
  const child = fileURLToPath(new URL("./fingerprint-child.ts", import.meta.url));
  const inOtherPlace = (LC_ALL: string): string =>
    execFileSync(process.execPath, ["--import", import.meta.resolve("tsx"), child, two.path], {
      cwd: "/",
      env: { ...process.env, LC_ALL, LANG: LC_ALL, TZ: "Asia/Kathmandu" },
    }).toString();
  const here = await digest({ r: one.path });
  expect([inOtherPlace("C"), inOtherPlace("tr_TR.UTF-8")]).toEqual([here, here]);
});

test("F2: any change of one byte is seen, warm or cold", async () => {
  using files = folder();
  using cache = folder();
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (bytes, at, flip) => {
        const cacheFile = join(cache.path, "stat");
        const content = Buffer.from(bytes);
        files.write("file", content);
        const before = await digest({ r: files.path }, { cacheFile });
        const index = at % content.length;
        content[index] = (content[index] ?? 0) ^ flip;
        // The same size, and the same tick of the clock: only the content tells.
        files.write("file", content);
        const warm = await digest({ r: files.path }, { cacheFile });
        expect(warm).not.toBe(before);
        expect(await digest({ r: files.path })).toBe(warm);
      },
    ),
    { numRuns: 60 },
  );
});

test("F2: a change behind a preserved modification time is seen, because the change of metadata is looked at", async () => {
  using files = folder({ a: "one" });
  using cache = folder();
  const cacheFile = join(cache.path, "stat");
  execFileSync("touch", ["-d", "2001-01-01", join(files.path, "a")]);
  const before = await digest({ r: files.path }, { cacheFile });
  files.write("a", "two");
  execFileSync("touch", ["-d", "2001-01-01", join(files.path, "a")]);
  expect(await digest({ r: files.path }, { cacheFile })).not.toBe(before);
});

test("unchanged files are not read again, once they are older than the clock's tick", async () => {
  using files = folder({ a: "1", b: "2" });
  using cache = folder();
  const options = { roots: { r: files.path }, cacheFile: join(cache.path, "deep", "stat") };
  const aged = await oldCopy(files.path);
  const first = await fingerprint({ ...options, roots: { r: aged } });
  const second = await fingerprint({ ...options, roots: { r: aged } });
  expect([first.filesRead, second.filesRead]).toEqual([first.files, 0]);
  expect(second.digest).toBe(first.digest);
  const fresh = await fingerprint(options);
  expect((await fingerprint(options)).filesRead).toBe(fresh.files);
});

/** Files that were there before this run: the sources of the package itself. */
async function oldCopy(_like: string): Promise<string> {
  return await Promise.resolve(fileURLToPath(new URL("../src", import.meta.url)));
}

test.each([
  ["garbage", () => Buffer.from("not a cache")],
  ["an empty file", () => Buffer.alloc(0)],
  ["a cut one", (bytes: Buffer) => bytes.subarray(0, bytes.length - 5)],
  ["one with a flipped byte", (bytes: Buffer) => (bytes.writeUInt8(bytes.readUInt8(90) ^ 1, 90), bytes)],
])("a cache that is %s is ignored", async (_, damage) => {
  using cache = folder();
  const cacheFile = join(cache.path, "stat");
  const roots = { r: fileURLToPath(new URL("../src", import.meta.url)) };
  const before = await fingerprint({ roots, cacheFile });
  const { readFileSync } = await import("node:fs");
  writeFileSync(cacheFile, damage(readFileSync(cacheFile)));
  const after = await fingerprint({ roots, cacheFile });
  expect([after.digest, after.filesRead]).toEqual([before.digest, before.files]);
});

test("a cache that cannot be written is no error", async () => {
  using files = folder({ a: "1" });
  expect(
    (await fingerprint({ roots: { r: files.path }, cacheFile: join(files.path, "a", "stat") })).files,
  ).toBe(1);
});

test("line ends count as bytes, unless a root says that text is text", async () => {
  using unix = folder({ "a.txt": "x\ny\n", "b.bin": "x\r\ny\0" });
  using windows = folder({ "a.txt": "x\r\ny\r\n", "b.bin": "x\r\ny\0" });
  const as = async (path: string, eol?: "lf"): Promise<string> =>
    await digest({ r: eol ? { path, eol } : path });
  expect(await as(windows.path)).not.toBe(await as(unix.path));
  expect(await as(windows.path, "lf")).toBe(await as(unix.path, "lf"));
  windows.write("b.bin", "x\ny\0");
  expect(await as(windows.path, "lf")).not.toBe(await as(unix.path, "lf"));
});

test("a lone CR is content, also where a chunk ends between CR and LF", async () => {
  const megabyte = 1 << 20;
  const filler = "a".repeat(megabyte - 1);
  using crlf = folder({ f: `${filler}\r\nb\rc` });
  using lf = folder({ f: `${filler}\nb\rc` });
  using none = folder({ f: `${filler}\nbc` });
  const as = async (path: string): Promise<string> => await digest({ r: { path, eol: "lf" } });
  expect(await as(crlf.path)).toBe(await as(lf.path));
  expect(await as(none.path)).not.toBe(await as(lf.path));
});

test("globs are taken in order, and the last one that matches decides", async () => {
  using files = folder({
    "a.sql": "",
    "b.ts": "",
    "old/c.sql": "",
    "old/keep.sql": "",
    ".env": "",
    "deep/x/.y/z.sql": "",
  });
  const chosen = async (include: string[], exclude: string[] = []): Promise<string[]> =>
    await paths({ path: files.path, include, exclude });
  expect(await chosen(["**/*.sql"])).toEqual(["a.sql", "deep/x/.y/z.sql", "old/c.sql", "old/keep.sql"]);
  expect(await chosen(["**/*.sql", "!old/**", "old/keep.sql"])).toEqual([
    "a.sql",
    "deep/x/.y/z.sql",
    "old/keep.sql",
  ]);
  expect(await chosen(["!**/*.sql"])).toEqual([".env", "b.ts"]);
  expect(await chosen(["**"], ["old/**", "deep/**"])).toEqual([".env", "a.sql", "b.ts"]);
});

test("what git ignores is left out when asked, by the nearest .gitignore", async () => {
  using files = folder({
    ".gitignore": "*.log\nbuild/\n",
    "a.log": "",
    "src/.gitignore": "!keep.log\n",
    "src/keep.log": "",
    "src/b.ts": "",
    "build/c": "",
    ".git/HEAD": "never",
  });
  expect(await paths({ path: files.path, gitignore: true })).toEqual([
    ".gitignore",
    "src/.gitignore",
    "src/b.ts",
    "src/keep.log",
  ]);
  expect(await paths({ path: join(files.path, "src"), gitignore: true })).toEqual([
    ".gitignore",
    "b.ts",
    "keep.log",
  ]);
});

test("links are followed: a root, a file, and a folder count as what they lead to", async () => {
  using real = folder({ "inner/a": "1", b: "2" });
  using linked = folder();
  symlinkSync(real.path, join(linked.path, "root"));
  expect(await digest({ r: join(linked.path, "root") })).toBe(await digest({ r: real.path }));
  using copy = folder({ "inner/a": "1" });
  symlinkSync(join(real.path, "b"), join(copy.path, "b"));
  expect(await digest({ r: copy.path })).toBe(await digest({ r: real.path }));
  using outer = folder({ b: "2" });
  symlinkSync(join(real.path, "inner"), join(outer.path, "inner"));
  expect(await digest({ r: outer.path })).toBe(await digest({ r: real.path }));
});

test("a single file may be a root", async () => {
  using files = folder({ "only.json": "{}" });
  const { manifest } = await fingerprint({ roots: { config: join(files.path, "only.json") } });
  expect(manifest).toMatch(/^[0-9a-f]{64} {2}config\n$/);
});

test("a circle of links is an error that names it", async () => {
  using files = folder({ "a/b/c": "1" });
  symlinkSync("../..", join(files.path, "a/b/back"));
  const error = await fingerprint({ roots: { r: files.path } }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "LINK_CYCLE", message: expect.stringContaining("back") as string });
  using self = folder({ x: "1" });
  symlinkSync("loop", join(self.path, "loop"));
  expect(await codeOf(digest({ r: self.path }))).toBe("LINK_CYCLE");
});

test("nothing is ever skipped in silence", async () => {
  using files = folder({ a: "1" });
  expect(await codeOf(digest({ r: join(files.path, "nowhere") }))).toBe("ROOT_MISSING");
  expect(await codeOf(digest({ r: { path: files.path, include: ["*.sql"] } }))).toBe("NOTHING_SELECTED");
  expect(await codeOf(digest({ "a/b": files.path }))).toBe("ROOT_INVALID");
  expect(await codeOf(digest({ "@input": files.path }))).toBe("ROOT_INVALID");
  symlinkSync("gone", join(files.path, "broken"));
  expect(await codeOf(digest({ r: files.path }))).toBe("LINK_BROKEN");
  expect(await codeOf(digest({ r: { path: files.path, exclude: ["broken"] } }))).toBe("no error");
  rmSync(join(files.path, "broken"));
  execFileSync("mkfifo", [join(files.path, "pipe")]);
  expect(await codeOf(digest({ r: files.path }))).toBe("FILE_SPECIAL");
});

test("a file that may not be read is an error", async () => {
  using files = folder({ a: "1" });
  chmodSync(files.path, 0o755);
  chmodSync(join(files.path, "a"), 0o000);
  const child = fileURLToPath(new URL("./fingerprint-child.ts", import.meta.url));
  const result = execFileSync(process.execPath, [
    "--import",
    import.meta.resolve("tsx"),
    child,
    files.path,
    "65534",
  ]).toString();
  expect(result).toBe("FILE_UNREADABLE");
});

test("names that mean something to JavaScript are names like any other", async () => {
  using files = folder({ __proto__x: "1", constructor: "2", toString: "3" });
  files.write("__proto__", "4");
  expect(await paths(files.path)).toEqual(["__proto__", "__proto__x", "constructor", "toString"]);
});

test("a file that keeps changing while it is read is an error, and one that settles is read again", async () => {
  using files = folder({ big: Buffer.alloc(8 << 20) });
  const script = `const fs=require("fs");const f=fs.openSync(process.argv[1],"r+");process.stdout.write("go");for(;;)fs.writeSync(f,"x",Math.random()*1e6|0)`;
  const writer = spawn(process.execPath, ["-e", script, join(files.path, "big")], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await new Promise((resolve) => writer.stdout.once("data", resolve));
    expect(await codeOf(digest({ r: files.path }))).toBe("FILE_UNSETTLED");
  } finally {
    writer.kill("SIGKILL");
    await new Promise((resolve) => writer.once("exit", resolve));
  }
  expect(await codeOf(digest({ r: files.path }))).toBe("no error");
});

test("the size of a file costs no memory", async () => {
  using files = folder();
  const file = openSync(join(files.path, "huge"), "w");
  ftruncateSync(file, 600 << 20);
  writeSync(file, "end", 600 << 20);
  closeSync(file);
  const before = process.memoryUsage().rss;
  await digest({ r: files.path });
  expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
});

test("many files are hashed on several threads of the built package, with the same result", async () => {
  using files = folder();
  for (let index = 0; index < 6_500; index++) {
    if (index % 100 === 0) mkdirSync(join(files.path, `d${index / 100}`));
    writeFileSync(join(files.path, `d${Math.floor(index / 100)}`, `f${index}`), String(index));
  }
  const built = fileURLToPath(new URL("../dist/index.js", import.meta.url));
  const script = `
    import { fingerprint } from ${JSON.stringify(built)};
    const seen = [];
    const result = await fingerprint({ roots: { r: process.argv[1] }, onProgress: ({ files }) => seen.push(files) });
    console.log(JSON.stringify({ digest: result.digest, filesRead: result.filesRead, last: seen.at(-1) }));`;
  const run = (): unknown =>
    JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script, files.path]).toString());
  expect(run()).toEqual({ digest: await digest({ r: files.path }), filesRead: 6_500, last: 6_500 });
  symlinkSync("gone", join(files.path, "broken"));
  expect(() => run()).toThrow(/LINK_BROKEN/);
});

test("an abort is heeded", async () => {
  using files = folder({ a: "1" });
  const reason = new Error("enough");
  await expect(digest({ r: files.path }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("inputs that are no files count, by name and text", async () => {
  using files = folder({ a: "1" });
  const { manifest, digest: whole } = await fingerprint({
    roots: { r: files.path },
    inputs: { version: "1", "env/SEED": "=x" },
  });
  expect(manifest).toMatch(/ {2}@input\/env\/SEED\n.* {2}@input\/version\n.* {2}r\/a\n/);
  expect(digestOf(manifest)).toBe(whole);
  expect(await digest({ r: files.path }, { inputs: { version: "2" } })).not.toBe(
    await digest({ r: files.path }, { inputs: { version: "1" } }),
  );
});

test("a renamed file, a moved line between files and a hard link are told apart by path and content alone", async () => {
  using files = folder({ a: "12", b: "3" });
  const before = await digest({ r: files.path });
  files.write("a", "1");
  files.write("b", "23");
  expect(await digest({ r: files.path })).not.toBe(before);
  files.write("a", "12");
  files.write("b", "3");
  expect(await digest({ r: files.path })).toBe(before);
  renameSync(join(files.path, "a"), join(files.path, "c"));
  linkSync(join(files.path, "c"), join(files.path, "a"));
  rmSync(join(files.path, "c"));
  expect(await digest({ r: files.path })).toBe(before);
});
