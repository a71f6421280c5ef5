import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execaNode } from "execa";
import { describe, expect, test } from "vitest";
import type { Mirror } from "../../src/git/mirror.ts";
import type { FetchOrder } from "../support/git/fetch-child.ts";
import { findProcesses } from "../support/git/find-processes.ts";
import { collect, mirrorFixture } from "../support/git/mirror-fixture.ts";

const child = fileURLToPath(new URL("../support/git/fetch-child.ts", import.meta.url));

/** A process of its own that fetches. */
function fetchInProcess(order: FetchOrder) {
  return execaNode(child, [JSON.stringify(order)], {
    nodeOptions: ["--conditions=@headstart/source", "--import", "tsx"],
    reject: false,
  });
}

async function generation(mirror: Mirror): Promise<string> {
  return join(mirror.directory, "generations", await readFile(join(mirror.directory, "current"), "utf8"));
}

describe("processes that share a mirror", () => {
  test("eight fetch at once while the upstream moves, and none meets the others", async () => {
    const { upstream, open, root, url } = await mirrorFixture();
    await upstream.commit("main", { f: "0" });
    const children = Array.from({ length: 8 }, () => fetchInProcess({ root, url, times: 3 }));
    let ended = false;
    const all = Promise.all(children).finally(() => (ended = true));
    for (let n = 0; !ended; n++) {
      await upstream.commit("main", { f: `${n}` });
      await upstream.commit(n % 2 === 0 ? "drafts/x" : "drafts/x/y", { f: `${n}` });
      await upstream.deleteBranch(n % 2 === 0 ? "drafts/x" : "drafts/x/y");
    }
    for (const { stdout, stderr, exitCode } of await all) {
      expect(stderr).toBe("");
      expect(exitCode).toBe(0);
      const line = JSON.stringify({ complete: true, rejected: [], lacking: 0 });
      expect(stdout.split("\n")).toEqual(Array.from({ length: 3 }, () => line));
    }
    const mirror = await open();
    await mirror.fetch();
    expect((await mirror.listRefs()).refs).toEqual(await upstream.refs());
    expect(await readdir(join(mirror.directory, "generations"))).toHaveLength(1);
  });

  test("one that is killed in its fetch leaves nothing that stops the next", async () => {
    const { upstream, open, root, url, server } = await mirrorFixture("http");
    const oid = await upstream.commit("main", { f: "0" });
    server.faults.hang = "pack";
    const victim = fetchInProcess({ root, url, times: 1 });
    await server.hanging();
    const mirror = await open();
    const waiting = mirror.fetch();
    victim.kill("SIGKILL");
    await victim;
    server.faults.hang = undefined;
    expect(await waiting).toEqual({ complete: true, rejected: [] });
    expect((await mirror.listRefs()).refs).toEqual(new Map([["refs/heads/main", oid]]));
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect(await readdir(join(mirror.directory, "generations"))).toHaveLength(1);
    // Nobody is left to wait for the answer that never comes: the connection is what its git is waiting on.
    await server.close();
    await expect.poll(async () => await findProcesses(mirror.directory), { timeout: 20_000 }).toEqual([]);
  });
});

describe("a mirror that is damaged", () => {
  test.each([
    ["a ref that a killed git left locked", "refs/mat/main.lock"],
    ["packed refs that a killed git left locked", "packed-refs.lock"],
  ])("%s is made anew, and who reads the old one goes on", async (_, lock) => {
    const { upstream, open } = await mirrorFixture();
    await upstream.commit("gone", { f: "1" });
    const first = await upstream.commit("main", { f: "1", g: "2" });
    const mirror = await open();
    await mirror.fetch();
    const old = await generation(mirror);
    const reading = mirror.listTree(first)[Symbol.asyncIterator]();
    expect(await reading.next()).toMatchObject({ value: { path: "f" } });
    await writeFile(join(old, lock), "");
    const second = await upstream.commit("main", { f: "2" });
    await upstream.deleteBranch("gone");
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect(await generation(mirror)).not.toBe(old);
    expect((await mirror.listRefs()).refs).toEqual(new Map([["refs/heads/main", second]]));
    expect(await reading.next()).toMatchObject({ value: { path: "g" } });
    expect(await reading.next()).toMatchObject({ done: true });
    // The old one is kept for readers until the next is made, and no longer.
    await mirror.distrust();
    await mirror.fetch();
    expect(await readdir(join(mirror.directory, "generations"))).not.toContain(old.split("/").at(-1));
  });

  test("content that was overwritten is Corrupt, and made anew by the next fetch", async () => {
    const { upstream, open } = await mirrorFixture();
    const content = randomBytes(20_000).toString("base64");
    const oid = await upstream.commit("main", { f: content });
    const mirror = await open();
    await mirror.fetch();
    const packs = join(await generation(mirror), "objects", "pack");
    const pack = (await readdir(packs)).find((name) => name.endsWith(".pack")) ?? "";
    const bytes = await readFile(join(packs, pack));
    await rm(join(packs, pack));
    await writeFile(join(packs, pack), bytes.fill(0x55, 200, bytes.length - 200));
    const [entry] = await collect(mirror.listTree(oid)).catch(() => []);
    const blob = entry?.oid ?? (await upstream.git(["rev-parse", `${oid}:f`])).toString().trim();
    await expect(collect(mirror.readBlobs([blob]))).rejects.toMatchObject({
      kind: "Corrupt",
      code: "GIT_CORRUPT",
    });
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect(await collect(mirror.readBlobs([blob]))).toEqual([{ oid: blob, bytes: Buffer.from(content) }]);
  });

  test.each<[string, (directory: string) => Promise<void>]>([
    [
      "without its generation",
      async (directory) => await rm(join(directory, "generations"), { recursive: true }),
    ],
    [
      "with nonsense as its current one",
      async (directory) => await writeFile(join(directory, "current"), "../../etc"),
    ],
    ["without its current one", async (directory) => await rm(join(directory, "current"))],
    [
      "whose repository is none",
      async (directory) => {
        const current = await readFile(join(directory, "current"), "utf8");
        await rm(join(directory, "generations", current, "HEAD"));
      },
    ],
  ])("one %s is made anew", async (_, damage) => {
    const { upstream, open } = await mirrorFixture();
    const oid = await upstream.commit("main", { f: "1" });
    const mirror = await open();
    await mirror.fetch();
    await damage(mirror.directory);
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect((await mirror.listRefs()).refs).toEqual(new Map([["refs/heads/main", oid]]));
    expect(await mirror.has([oid])).toEqual(new Set([oid]));
  });

  test("an outage while it is made anew leaves the old one in place", async () => {
    const { upstream, open, server } = await mirrorFixture("http");
    const oid = await upstream.commit("main", { f: "1" });
    const mirror = await open();
    await mirror.fetch();
    await mirror.distrust();
    server.faults.answer = { status: 503 };
    await expect(mirror.fetch()).rejects.toMatchObject({ kind: "Transient" });
    expect(await mirror.has([oid])).toEqual(new Set([oid]));
    expect(await readdir(join(mirror.directory, "generations"))).toHaveLength(1);
  });
});

describe("reading objects", () => {
  test("aborted reads, reads that are left, and a killed process never mix answers up", async () => {
    const { upstream, open } = await mirrorFixture();
    const contents = Array.from({ length: 300 }, (_, n) => `${n} `.repeat(1 + ((n * 7919) % 5_000)));
    const oid = await upstream.commit(
      "main",
      Object.fromEntries(contents.map((text, n) => [`${1000 + n}`, text])),
    );
    const mirror = await open();
    await mirror.fetch();
    const oids = (await collect(mirror.listTree(oid))).map((entry) => entry.oid);
    const expected = new Map(oids.map((name, n) => [name, contents[n]]));
    const outcomes = { read: 0, aborted: 0, left: 0, killed: 0 };
    const reader = async (n: number): Promise<void> => {
      const controller = new AbortController();
      let seen = 0;
      try {
        for await (const blob of mirror.readBlobs(oids.slice(n), { signal: controller.signal })) {
          expect("bytes" in blob && blob.bytes.toString()).toBe(expected.get(blob.oid));
          seen += 1;
          if (n % 4 === 1 && seen > n) controller.abort();
          if (n % 4 === 2 && seen > n) return void (outcomes.left += 1);
          if (n === 20 && seen === 100) {
            const running = await findProcesses(mirror.directory);
            for (const { pid } of running.filter(({ command }) => command.includes("cat-file")))
              process.kill(pid, "SIGKILL");
          }
        }
        outcomes.read += 1;
      } catch (error) {
        const { kind } = error as { kind: string };
        if (kind === "Aborted") outcomes.aborted += 1;
        else if (kind === "Transient") outcomes.killed += 1;
        else throw error;
      }
    };
    await Promise.all(Array.from({ length: 40 }, async (_, n) => await reader(n)));
    // Whoever was being answered when the process was killed has to ask again; nobody else notices.
    expect(outcomes.killed).toBeLessThanOrEqual(2);
    expect(outcomes.read + outcomes.left + outcomes.aborted + outcomes.killed).toBe(40);
    expect(Math.min(outcomes.read, outcomes.left, outcomes.aborted)).toBeGreaterThanOrEqual(8);
    expect(await collect(mirror.readBlobs(oids))).toHaveLength(oids.length);
    expect(await findProcesses(mirror.directory)).toHaveLength(1);
  });

  test("another question may be asked while blobs are being read", async () => {
    const { upstream, open } = await mirrorFixture();
    const files = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`${n}`, `${n}`]));
    const oid = await upstream.commit("main", files);
    const mirror = await open();
    await mirror.fetch();
    const oids = (await collect(mirror.listTree(oid))).map((entry) => entry.oid);
    let read = 0;
    for await (const _ of mirror.readBlobs(oids)) {
      if (read++ % 50 === 0) expect((await mirror.readCommit(oid)).oid).toBe(oid);
    }
    expect(read).toBe(600);
  });

  test("disposal ends what is under way, and leaves no process", async () => {
    const { upstream, open, server } = await mirrorFixture("http");
    const oid = await upstream.commit("main", { f: "1", g: "2" });
    const mirror = await open();
    await mirror.fetch();
    const tree = mirror.listTree(oid)[Symbol.asyncIterator]();
    await tree.next();
    server.faults.hang = "any";
    const fetching = mirror.fetch();
    await server.hanging();
    const failed = expect(fetching).rejects.toMatchObject({ kind: "Aborted" });
    await mirror[Symbol.asyncDispose]();
    await failed;
    await tree.return?.();
    expect(await findProcesses(mirror.directory)).toEqual([]);
    await expect(mirror.has([oid])).rejects.toMatchObject({ kind: "Aborted" });
  });

  test("many fetches end in few packs, with everything that was ever fetched", async () => {
    const { upstream, open } = await mirrorFixture();
    const mirror = await open();
    const commits: string[] = [];
    for (let n = 0; n < 45; n++) {
      commits.push(await upstream.forcePush("main", { f: `${n}` }));
      expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    }
    const folder = join(await generation(mirror), "objects", "pack");
    await writeFile(join(folder, "tmp_pack_killed"), "");
    await mirror.fetch();
    const packs = await readdir(folder);
    expect(packs).not.toContain("tmp_pack_killed");
    expect(packs.filter((name) => name.endsWith(".pack")).length).toBeLessThan(20);
    expect(await mirror.has(commits)).toEqual(new Set(commits));
    for (const oid of commits) expect(await collect(mirror.listTree(oid))).toHaveLength(1);
  });
});
