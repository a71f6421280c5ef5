import { mkdir, readdir, rename, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { holdFetchLock } from "../../src/git/fetch-lock.ts";
import type { Credential, Mirror } from "../../src/git/mirror.ts";
import { removeUnused, unusedMs } from "../../src/git/mirror-use.ts";
import { openMirrors, type Mirrors } from "../../src/repositories/mirrors.ts";
import type { Repository } from "../../src/repositories/repository.ts";
import { mirrorFixture, type MirrorFixture } from "../support/git/mirror-fixture.ts";

/** As far as mirrors look at it. */
function repositoryOf(url: string, scope = "handbook"): Repository {
  return { url, scope, name: "handbook" } as Repository;
}

function mirrorsOf({ root }: MirrorFixture, credential?: () => Credential | undefined): Mirrors {
  const mirrors = openMirrors({ root, protocols: ["file", "http"], ...(credential && { credential }) });
  onTestFinished(async () => await mirrors[Symbol.asyncDispose]());
  return mirrors;
}

/** Makes it look as if nobody had used a mirror for longer than it is kept. */
async function age({ directory }: Mirror): Promise<void> {
  const then = new Date(Date.now() - unusedMs - 60_000);
  for (const name of ["used", "lock", ""])
    await utimes(join(directory, name), then, then).catch(() => undefined);
}

test("a token that is replaced every time fetches into one mirror, and only the newest is used", async () => {
  const fixture = await mirrorFixture("http");
  const { upstream, server, url, root } = fixture;
  let password = "";
  const mirrors = mirrorsOf(fixture, () => ({ username: "x-access-token", password }));
  const seen = new Set<string>();
  for (const token of ["one", "two", "three"]) {
    const oid = await upstream.commit("main", { f: token });
    password = token;
    server.faults.basicAuth = { username: "x-access-token", password };
    const mirror = await mirrors.of(repositoryOf(url));
    await mirror.fetch();
    expect((await mirror.listRefs()).refs.get("refs/heads/main")).toBe(oid);
    seen.add(mirror.directory);
  }
  expect(seen.size).toBe(1);
  expect(await readdir(root)).toHaveLength(1);
  password = "two";
  const stale = await (await mirrors.of(repositoryOf(url))).fetch().catch((error: unknown) => error);
  expect(stale).toMatchObject({ kind: "AuthFailed" });
});

test("another user, or the same in another scope, has a mirror of its own; without a credential it is shared", async () => {
  const fixture = await mirrorFixture();
  const directory = async (username: string | undefined, scope: string): Promise<string> => {
    const credential = username === undefined ? undefined : { username, password: "p" };
    return (await mirrorsOf(fixture, () => credential).of(repositoryOf(fixture.url, scope))).directory;
  };
  const own = [await directory("a", "s"), await directory("b", "s"), await directory("a", "t")];
  expect(new Set(own).size).toBe(3);
  expect(await directory("a", "s")).toBe(own[0]);
  expect(await directory(undefined, "s")).toBe(await directory(undefined, "t"));
  expect(own).not.toContain(await directory(undefined, "s"));
});

test("a mirror that nobody used for a week is removed, and one that is used or strange is not", async () => {
  const fixture = await mirrorFixture();
  const { upstream, root, url } = fixture;
  await upstream.commit("main", { f: "1" });
  const old = await mirrorsOf(fixture, () => ({ username: "old", password: "p" })).of(repositoryOf(url));
  const used = await mirrorsOf(fixture).of(repositoryOf(url));
  for (const mirror of [old, used]) await mirror.fetch();
  await mkdir(join(root, "somebody-else's"));
  await age(old);
  expect(await removeUnused(root)).toBe(1);
  const kept = used.directory.slice(root.length + 1);
  expect((await readdir(root)).toSorted()).toEqual([kept, "removing", "somebody-else's"].toSorted());
  expect(await removeUnused(join(root, "absent"))).toBe(0);
});

test("a process whose mirror another one removed makes it anew", async () => {
  const fixture = await mirrorFixture();
  const { upstream, root, url } = fixture;
  const oid = await upstream.commit("main", { f: "1" });
  const mirrors = mirrorsOf(fixture);
  const before = await mirrors.of(repositoryOf(url));
  await before.fetch();
  await age(before);
  expect(await removeUnused(root)).toBe(1);
  const after = await mirrors.of(repositoryOf(url));
  await after.fetch();
  expect(await after.has([oid])).toEqual(new Set([oid]));
  expect(await removeUnused(root)).toBe(0);
});

test("whoever takes up a mirror while others remove it works on, and nothing is left lying about", async () => {
  const fixture = await mirrorFixture();
  const { upstream, root, url } = fixture;
  const oid = await upstream.commit("main", { f: "1" });
  for (let round = 0; round < 10; round += 1) {
    const mirror = await mirrorsOf(fixture).of(repositoryOf(url));
    await mirror.fetch();
    await age(mirror);
    const users = Array.from({ length: 3 }, async () => {
      const taken = await mirrorsOf(fixture).of(repositoryOf(url));
      await taken.fetch();
      return await taken.has([oid]);
    });
    await Promise.all([removeUnused(root), removeUnused(root), ...users]);
    expect(await Promise.all(users)).toEqual(users.map(() => new Set([oid])));
    const left = (await readdir(root)).filter((name) => name !== "removing");
    expect(left).toEqual([mirror.directory.slice(root.length + 1)]);
  }
});

/** Holds the lock of those who choose what to remove, until it is let go or the test ends. */
async function holdChoosing(root: string): Promise<() => Promise<void>> {
  const lock = await holdFetchLock(join(root, "removing"));
  const letGo = async (): Promise<void> => await lock[Symbol.asyncDispose]();
  onTestFinished(letGo);
  return letGo;
}

/** Resolves when so many hold that lock or wait for it. */
async function choosing(root: string, count: number): Promise<void> {
  const reached = async (): Promise<boolean> => {
    const names = await readdir(join(root, "removing"));
    return names.filter((name) => name.startsWith("t-")).length === count;
  };
  await vi.waitUntil(reached, { timeout: 60_000, interval: 5 });
}

test("a mirror that is used again between its choice and its removal stays, and its user waits for the outcome", async () => {
  const fixture = await mirrorFixture();
  const { upstream, root, url } = fixture;
  const oid = await upstream.commit("main", { f: "1" });
  const mirrors = mirrorsOf(fixture);
  const mirror = await mirrors.of(repositoryOf(url));
  await mirror.fetch();
  for (const users of [mirrors, mirrorsOf(fixture)]) {
    await age(mirror);
    const letGo = await holdChoosing(root);
    const removing = removeUnused(root);
    await choosing(root, 2);
    const using = users.of(repositoryOf(url));
    await choosing(root, 3);
    await letGo();
    expect(await removing).toBe(0);
    expect(await (await using).has([oid])).toEqual(new Set([oid]));
  }
});

test("a mirror that is moved away just as it is used again is made anew", async () => {
  const fixture = await mirrorFixture();
  const { upstream, root, url } = fixture;
  const oid = await upstream.commit("main", { f: "1" });
  const mirrors = mirrorsOf(fixture);
  const mirror = await mirrors.of(repositoryOf(url));
  for (const [round, users] of [mirrors, mirrorsOf(fixture)].entries()) {
    const letGo = await holdChoosing(root);
    const using = users.of(repositoryOf(url));
    await choosing(root, 2);
    await rename(mirror.directory, join(root, `unused-${round}`));
    await letGo();
    const made = await using;
    await made.fetch();
    expect(await made.has([oid])).toEqual(new Set([oid]));
  }
});

test("whoever waits for the outcome may give up, and so does everybody when the mirrors are disposed of", async () => {
  const fixture = await mirrorFixture();
  const { root, url } = fixture;
  const open = mirrorsOf(fixture);
  await open.of(repositoryOf(url));
  await holdChoosing(root);
  const asked = new AbortController();
  const opening = mirrorsOf(fixture);
  const waiting = [open, opening].map(async (mirrors) => {
    await expect(mirrors.of(repositoryOf(url), asked.signal)).rejects.toMatchObject({ kind: "Aborted" });
  });
  await choosing(root, 3);
  asked.abort();
  await Promise.all(waiting);
  await choosing(root, 2);
  await opening[Symbol.asyncDispose]();
  await choosing(root, 1);
});

test("a mirror of a registered repository stays however long nobody used it, and so do all while a credential is lacking", async () => {
  const fixture = await mirrorFixture();
  const { root, url } = fixture;
  let credential = (): Credential | undefined => ({ username: "robot", password: "p" });
  const mirrors = mirrorsOf(fixture, () => credential());
  const registered = await mirrors.of(repositoryOf(url));
  const other = await mirrors.of(repositoryOf(url, "elsewhere"));
  await Promise.all([registered, other].map(age));
  credential = () => {
    throw new Error("the vault is sealed");
  };
  const remove = async (): Promise<number> => await mirrors.removeUnused(async () => [repositoryOf(url)]);
  expect(await remove()).toBe(0);
  credential = () => ({ username: "robot", password: "another" });
  expect(await remove()).toBe(1);
  const left = (await readdir(root)).filter((name) => name !== "removing");
  expect(left).toEqual([registered.directory.slice(root.length + 1)]);
});
