import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
