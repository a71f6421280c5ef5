import { mkdtempSync, mkdirSync, rmSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cacheDirectory } from "../../src/embedded/cache-directory.ts";

const isRoot = process.geteuid?.() === 0;

function temporaryFolder(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), "headstart-cache-"));
  chmodSync(folder, mode);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("HEADSTART_CACHE is taken as it is", () => {
  expect(cacheDirectory({ HEADSTART_CACHE: "/some/where", XDG_CACHE_HOME: "/else" })).toBe("/some/where");
});

test("XDG_CACHE_HOME is followed where all may enter it, also before it exists", () => {
  const open = temporaryFolder(0o755);
  expect(cacheDirectory({ XDG_CACHE_HOME: open })).toBe(join(open, "headstart"));
  expect(cacheDirectory({ XDG_CACHE_HOME: join(open, "later") })).toBe(join(open, "later", "headstart"));
});

test.runIf(process.platform === "linux")("an open home has the cache where Linux has it", () => {
  const home = temporaryFolder(0o755);
  expect(cacheDirectory({ HOME: home })).toBe(join(home, ".cache", "headstart"));
});

test.runIf(isRoot && process.platform === "linux")(
  "root's closed home is no place for a server that runs as another account",
  () => {
    const home = temporaryFolder(0o700);
    mkdirSync(join(home, ".cache"), { mode: 0o755 });
    expect(cacheDirectory({ HOME: home })).toBe("/var/cache/headstart");
    expect(cacheDirectory({ XDG_CACHE_HOME: join(home, ".cache") })).toBe("/var/cache/headstart");
  },
);
