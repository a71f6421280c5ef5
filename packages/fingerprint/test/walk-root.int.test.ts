import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { fingerprint } from "../src/fingerprint.ts";
import { Turns } from "../src/turns.ts";
import { type RootInput, walkRoot } from "../src/walk-root.ts";
import { folder } from "./folder.ts";

async function paths(input: RootInput): Promise<readonly string[]> {
  return (await walkRoot("r", input, new Turns(undefined))).paths;
}

async function codeOf(input: RootInput): Promise<unknown> {
  return await paths(input).then(
    () => "no error",
    (error: { code?: unknown }) => error.code,
  );
}

test("what git ignores is what git says it ignores", async () => {
  using files = folder({
    ".gitignore":
      "*.log\n/build/\ndeep/**/x\n!important.log\nFoo\ntrailing\\ \n#comment\n\\#hash\n**/cache/*\n!**/cache/keep\n",
    "a.log": "",
    "important.log": "",
    "build/out": "",
    "src/build/in": "",
    "deep/a/b/x": "",
    foo: "case counts",
    Foo: "",
    "trailing ": "",
    "#hash": "",
    "#comment": "",
    "src/.gitignore": "!a.log\n/only-here\n",
    "src/a.log": "",
    "src/only-here": "",
    "src/deeper/only-here": "",
    "cache/gone": "",
    "cache/keep": "",
    "é.log": "",
    "ignored-link.log.d/x": "",
  });
  symlinkSync("src", join(files.path, "link.log"));
  symlinkSync("src/deeper", join(files.path, "Foo-link"));
  await execa("git", ["init", "--quiet"], { cwd: files.path });
  const listed = await execa("git", ["ls-files", "-z", "--others", "--exclude-standard"], {
    cwd: files.path,
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  });
  // Git lists a link to a folder as a file; here what lies behind it counts.
  const expected = listed.stdout
    .split("\0")
    .filter((path) => path !== "")
    .flatMap((path) => (path === "Foo-link" ? ["Foo-link/only-here"] : [path]))
    .map((path) => Buffer.from(path).toString("latin1"));
  const byBytes = expected.sort((a, b) => (a < b ? -1 : 1));
  expect(await paths({ path: files.path, gitignore: true })).toEqual(byBytes);
});

test("a root inside a repository heeds the rules above it, up to the repository and no further", async () => {
  using outer = folder({ ".gitignore": "*", "repo/.git/HEAD": "", "repo/.gitignore": "*.tmp\n/app/skip\n" });
  for (const name of ["a.tmp", "b", "skip", "sub/skip"]) outer.write(`repo/app/${name}`, "");
  expect(await paths({ path: join(outer.path, "repo/app"), gitignore: true })).toEqual(["b", "sub/skip"]);
});

test("folders that are excluded are not even read", async () => {
  using files = folder({ "keep/a": "", "locked/b": "", "also/locked/c": "" });
  // A link that leads nowhere would be an error, were it met.
  for (const place of ["locked", "also/locked"]) symlinkSync("gone", join(files.path, place, "broken"));
  expect(await codeOf({ path: files.path })).toBe("LINK_BROKEN");
  for (const exclude of [["**/locked"], ["**/locked/"], ["**/locked/**"]]) {
    expect(await paths({ path: files.path, exclude })).toEqual(["keep/a"]);
  }
  expect(await paths({ path: files.path, include: ["!**/locked/**"] })).toEqual(["keep/a"]);
  expect(await paths({ path: files.path, include: ["**/a"] })).toEqual(["keep/a"]);
});

test.each([
  [["**/*.sql"], ["a.sql", "d/.x/c.sql", "d/b.sql"]],
  [["*.sql"], ["a.sql"]],
  [["d/"], ["d/.x/c.sql", "d/b.sql", "d/e.ts"]],
  [
    ["**", "!**/*.sql", "d/b.sql"],
    [".env", "d/b.sql", "d/e.ts"],
  ],
  [["!**/*.sql"], [".env", "d/e.ts"]],
  [["!(a).sql", ".env"], [".env"]],
  [["**/*.{ts,env}"], [".env", "d/e.ts"]],
  [["**/*.SQL", ".env"], [".env"]],
])("globs %j choose %j", async (include, chosen) => {
  using files = folder({ "a.sql": "", "d/b.sql": "", "d/.x/c.sql": "", "d/e.ts": "", ".env": "" });
  expect(await paths({ path: files.path, include })).toEqual(chosen);
});

test("a glob that cannot be read is an error of its root", async () => {
  using files = folder({ a: "" });
  expect(await codeOf({ path: files.path, include: ["a".repeat(70_000)] })).toBe("ROOT_INVALID");
});

test("a folder that two links lead to counts behind both, and twins are no circle", async () => {
  using files = folder({ "real/a": "1" });
  symlinkSync("real", join(files.path, "one"));
  symlinkSync("one", join(files.path, "two"));
  symlinkSync("..", join(files.path, "real/up"));
  expect(await codeOf({ path: files.path })).toBe("LINK_CYCLE");
  expect(await codeOf({ path: files.path, exclude: ["**/up"] })).toBe("no error");
  expect(await paths({ path: files.path, exclude: ["**/up"] })).toEqual(["one/a", "real/a", "two/a"]);
});

test("a circle is named by the link and the folder that it leads back to", async () => {
  using files = folder({ "a/b/c": "1" });
  symlinkSync("..", join(files.path, "a/b/back"));
  await expect(paths({ path: join(files.path, "a") })).rejects.toMatchObject({
    code: "LINK_CYCLE",
    message: expect.stringMatching(/b\/back.* links back to ".*\/a"/) as string,
    hint: expect.any(String) as string,
  });
});

test("roots that lead nowhere are told apart", async () => {
  using files = folder({ a: "1" });
  symlinkSync("gone", join(files.path, "broken"));
  symlinkSync("loop", join(files.path, "loop"));
  execFileSync("mkfifo", [join(files.path, "pipe")]);
  expect(await codeOf({ path: join(files.path, "missing") })).toBe("ROOT_MISSING");
  expect(await codeOf({ path: join(files.path, "a/below-a-file") })).toBe("ROOT_MISSING");
  expect(await codeOf({ path: join(files.path, "broken") })).toBe("LINK_BROKEN");
  expect(await codeOf({ path: join(files.path, "loop") })).toBe("LINK_CYCLE");
  expect(await codeOf({ path: join(files.path, "pipe") })).toBe("FILE_SPECIAL");
  expect(await codeOf({ path: "nul\0byte" })).toBe("ROOT_INVALID");
  expect(await codeOf({ path: "" })).toBe("ROOT_MISSING");
});

test("a root that is absent is told with where it was looked for", async () => {
  using files = folder({ a: "1" });
  const hintOf = async (path: string): Promise<string> =>
    await paths({ path }).then(
      () => "no error",
      (error: { hint: string }) => error.hint,
    );
  expect(await hintOf(join(files.path, "missing"))).toBe("correct the path");
  expect(await hintOf("missing")).toContain(`relative to the present folder, "${process.cwd()}"`);
});

test("what has no content matters only where it is selected", async () => {
  using files = folder({ a: "1" });
  execFileSync("mkfifo", [join(files.path, "pipe")]);
  symlinkSync("/dev/null", join(files.path, "device"));
  symlinkSync("gone", join(files.path, "broken"));
  expect(await paths({ path: files.path, include: ["a"] })).toEqual(["a"]);
  for (const [name, code] of [
    ["pipe", "FILE_SPECIAL"],
    ["device", "FILE_SPECIAL"],
    ["broken", "LINK_BROKEN"],
  ] as const) {
    expect(await codeOf({ path: files.path, include: [name] })).toBe(code);
  }
});

test("folders with names that are no UTF-8 are entered, through links as well", async () => {
  using files = folder();
  const odd = Buffer.concat([Buffer.from(`${files.path}/`), Buffer.from([0xff, 0x2e])]);
  mkdirSync(odd);
  writeFileSync(Buffer.concat([odd, Buffer.from("/é")]), "1");
  symlinkSync(odd, join(files.path, "link"));
  expect(await paths({ path: files.path })).toEqual(["link/\u00c3\u00a9", "\u00ff./\u00c3\u00a9"]);
  expect(await paths({ path: files.path, include: ["**/é"], exclude: ["link"] })).toEqual([
    "\u00ff./\u00c3\u00a9",
  ]);
});

test.each(["", ".", "..", "a/b", "a\\b", "@a", "a\nb", "a\0b", "\ud800"])(
  "a root cannot be called %j",
  async (name) => {
    using files = folder({ a: "1" });
    await expect(fingerprint({ roots: { [name]: files.path } })).rejects.toMatchObject({
      code: "ROOT_INVALID",
    });
  },
);

test("a root may be called what objects have built in", async () => {
  using files = folder({ a: "1" });
  const roots = Object.fromEntries(["__proto__", "constructor"].map((name) => [name, files.path]));
  const { manifest } = await fingerprint({ roots, inputs: Object.fromEntries([["__proto__", "1"]]) });
  const order = manifest
    .trimEnd()
    .split("\n")
    .map((line) => line.slice(66));
  expect(order).toEqual(["@input/__proto__", "__proto__/a", "constructor/a"]);
});

test("a folder that disappears in the middle is an error", async () => {
  using files = folder();
  for (let index = 0; index < 100; index++) files.write(`d${index}/f`, "");
  const turns = new Turns(undefined);
  let pauses = 0;
  turns.onPause = () => {
    if (++pauses === 2) rmSync(join(files.path, "d99"), { recursive: true });
  };
  // Every folder is a turn of its own.
  Object.defineProperty(turns, "due", { get: () => true });
  await expect(walkRoot("r", { path: files.path }, turns)).rejects.toMatchObject({ code: "FILE_UNSETTLED" });
});
