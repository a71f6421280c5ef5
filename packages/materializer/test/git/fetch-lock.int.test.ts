import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execaNode } from "execa";
import { expect, onTestFinished, test, vi } from "vitest";
import { holdFetchLock } from "../../src/git/fetch-lock.ts";
import { temporaryFolder } from "../support/git/mirror-fixture.ts";

const lockChild = fileURLToPath(new URL("../support/git/lock-child.ts", import.meta.url));

function lockInProcess(directory: string, ...rest: (string | number)[]) {
  return execaNode(lockChild, [directory, ...rest.map(String)], {
    nodeOptions: ["--conditions=@headstart/source", "--import", "tsx"],
    reject: false,
  });
}

test("a lock is waited for, given up on a signal, and taken over from the dead", async () => {
  const directory = await temporaryFolder();
  const order: string[] = [];
  const first = await holdFetchLock(directory);
  const controller = new AbortController();
  const second = holdFetchLock(directory, controller.signal);
  const third = (async () => {
    await using _lock = await holdFetchLock(directory);
    order.push("third");
  })();
  controller.abort(new Error("enough"));
  await expect(second).rejects.toMatchObject({ kind: "Aborted" });
  order.push("first");
  await first[Symbol.asyncDispose]();
  await third;
  expect(order).toEqual(["first", "third"]);
  expect(await readdir(directory)).toEqual([]);

  const holder = lockInProcess(directory);
  await once(holder.stdout, "data");
  const waiter = holdFetchLock(directory);
  holder.kill("SIGKILL");
  await holder;
  await (await waiter)[Symbol.asyncDispose]();
  // Also when nobody was waiting while its holder died.
  const next = await holdFetchLock(directory);
  await next[Symbol.asyncDispose]();
  expect(await readdir(directory)).toEqual([]);
});

test("nobody ever holds a lock beside another, also after some died", async () => {
  const directory = await temporaryFolder();
  const inside = join(await temporaryFolder(), "inside");
  const dead = [lockInProcess(directory)];
  await once(dead[0]?.stdout ?? process.stdout, "data");
  dead.push(lockInProcess(directory), lockInProcess(directory));
  await expect.poll(async () => (await readdir(directory)).length, { timeout: 20_000 }).toBe(3);
  const living = Array.from({ length: 6 }, () => lockInProcess(directory, 60, inside));
  for (const process of dead) process.kill("SIGKILL");
  for (const { stderr, exitCode } of await Promise.all(living)) {
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  }
  expect(await readdir(directory)).toEqual([]);
});

test("a folder whose path is too long for a socket is locked all the same, and nothing else is left", async () => {
  const inside = join(await temporaryFolder(), "inside");
  const temporary = await temporaryFolder();
  vi.stubEnv("TMPDIR", temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const directory = join(temporary, "x".repeat(90));
  const holder = lockInProcess(directory);
  await once(holder.stdout, "data");
  const living = Array.from({ length: 3 }, () => lockInProcess(directory, 20, inside));
  await expect.poll(async () => (await readdir(directory)).length, { timeout: 20_000 }).toBe(4);
  holder.kill("SIGTERM");
  await holder;
  for (const { stderr, exitCode } of await Promise.all(living)) {
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
  }
  await (await holdFetchLock(directory))[Symbol.asyncDispose]();
  expect(await readdir(directory)).toEqual([]);
  expect((await readdir(temporary)).filter((name) => name.startsWith("hs-"))).toEqual([]);
});

test("a folder is refused where temporary files have too long a path as well", async () => {
  const directory = join(await temporaryFolder(), "x".repeat(90));
  vi.stubEnv("TMPDIR", directory);
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(holdFetchLock(directory)).rejects.toMatchObject({
    kind: "Refused",
    hint: /shorter by \d+ bytes, or a TMPDIR that is shorter by \d+/,
  });
});
