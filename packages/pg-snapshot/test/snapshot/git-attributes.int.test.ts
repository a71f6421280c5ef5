import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { directoryStore } from "../../src/snapshot/directory-store.ts";
import { save } from "./drafts.ts";

const directory = mkdtempSync(join(tmpdir(), "headstart attributes ä "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let repository = "";
let count = 0;
beforeEach(() => {
  repository = join(directory, String(count++));
  mkdirSync(repository);
  git("init", "--quiet");
});

function git(...args: readonly string[]): string {
  return execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" });
}

/** What Git itself makes of the dump that was saved. */
function attributeOfDump(attribute: string): string {
  const dump = readdirSync(join(repository, "db/snapshots/shop")).find((name) => name.endsWith(".pgdump"));
  return git("check-attr", attribute, "--", `db/snapshots/shop/${dump}`).trim().split(": ").at(-1) ?? "";
}

const saveThere = async (digest = "one"): Promise<unknown> =>
  await save(directoryStore(join(repository, "db/snapshots"), { writable: true }), "shop", digest);
const attributes = (): string => readFileSync(join(repository, "db/snapshots/.gitattributes"), "utf8");

test("in a Git work tree dumps are marked as binary, once", async () => {
  await saveThere();
  await saveThere("two");
  expect(attributes()).toBe("*.pgdump binary\n");
  expect([attributeOfDump("text"), attributeOfDump("diff"), attributeOfDump("merge")]).toEqual([
    "unset",
    "unset",
    "unset",
  ]);
  expect(readdirSync(join(repository, "db/snapshots")).sort()).toEqual([".gitattributes", "shop"]);
});

test("outside of Git nothing is written beside the snapshots", async () => {
  const root = join(directory, "outside");
  await save(directoryStore(root, { writable: true }), "shop", "one");
  expect(existsSync(join(root, ".gitattributes"))).toBe(false);
});

test("other rules of the same file are kept", async () => {
  mkdirSync(join(repository, "db/snapshots"), { recursive: true });
  writeFileSync(
    join(repository, "db/snapshots/.gitattributes"),
    "# about *.pgdump files\n*.json linguist-generated",
  );
  await saveThere();
  expect(attributes()).toBe("# about *.pgdump files\n*.json linguist-generated\n*.pgdump binary\n");
});

test.each([".", "db", "db/snapshots"])("a rule for Git LFS in %j stays in force", async (folder) => {
  mkdirSync(join(repository, "db/snapshots"), { recursive: true });
  const rule = "*.pgdump filter=lfs diff=lfs merge=lfs -text\n";
  writeFileSync(join(repository, folder, ".gitattributes"), rule);
  await saveThere();
  expect([attributeOfDump("filter"), attributeOfDump("diff")]).toEqual(["lfs", "lfs"]);
  expect(readFileSync(join(repository, folder, ".gitattributes"), "utf8")).toBe(rule);
});

test("a linked work tree is one as well", async () => {
  git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--allow-empty", "--message", "x");
  const linked = join(directory, "linked");
  git("worktree", "add", "--quiet", linked);
  repository = linked;
  await saveThere();
  expect(attributes()).toBe("*.pgdump binary\n");
});
