import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { freemem } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const inMemory = "/dev/shm";
/** Bytes of memory that must be free; what is written at any one time is below 2 GiB. */
const room = 6 * 2 ** 30;

// Databases, repositories and files of tests go where `tmpdir()` says. A database is 300 files: on ext4 making and
// dropping many takes four times as long as in memory. Who sets TMPDIR chooses for himself.
if (process.env["TMPDIR"] === undefined && fitsInMemory()) process.env["TMPDIR"] = inMemory;

function fitsInMemory(): boolean {
  try {
    accessSync(inMemory, constants.W_OK);
    const { bavail, bsize } = statfsSync(inMemory);
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .find((line) => line.split(" ")[1] === inMemory);
    // Tests start programs that they wrote.
    const mayExecute = mount !== undefined && !mount.split(" ")[3]?.split(",").includes("noexec");
    return mayExecute && bavail * bsize > room && freemem() > room;
  } catch {
    return false;
  }
}

/** Tests run against the sources of every workspace package, so nothing needs a build first. */
export function tests(test: ViteUserConfig["test"] = {}) {
  const resolve = { conditions: ["@headstart/source"] };
  return defineConfig({
    ssr: { resolve },
    // Global setups run in an environment of their own.
    environments: { __vitest__: { resolve } },
    test: {
      include: ["test/**/*.test.ts"],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      // A condition that is waited for comes late on a machine that has other work.
      expect: { poll: { timeout: 60_000 } },
      ...test,
    },
  });
}
