import { createServer } from "node:net";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { GitError } from "../../src/git/git-error.ts";
import { openMirror, type Mirror } from "../../src/git/mirror.ts";
import { allCommandLines, findProcesses } from "../support/git/find-processes.ts";
import { collect, mirrorFixture, temporaryFolder, type Transport } from "../support/git/mirror-fixture.ts";

/** The error of a listing and of a fetch: a failure has to look the same whichever meets it first. */
async function bothFail(mirror: Mirror): Promise<GitError> {
  const [listing, fetch] = await Promise.allSettled([mirror.listRemote(), mirror.fetch()]);
  if (listing.status !== "rejected" || fetch.status !== "rejected") throw new Error("It did not fail.");
  const [first, second] = [listing.reason as unknown, fetch.reason as unknown];
  if (!(first instanceof GitError) || !(second instanceof GitError)) throw first;
  expect(second.kind).toBe(first.kind);
  return first;
}

describe.each<Transport>(["file", "http"])("failures over %s", (transport) => {
  test("a repository that is not there, or not to be seen, is AuthFailed", async () => {
    const { url, root } = await mirrorFixture(transport);
    await using mirror = await openMirror({ root, url: `${url}-gone`, protocols: ["file", "http"] });
    expect(await bothFail(mirror)).toMatchObject({ kind: "AuthFailed", code: "GIT_AUTH_FAILED" });
  });

  test("a signal that is aborted already starts nothing", async () => {
    const { open, upstream, server } = await mirrorFixture(transport);
    const oid = await upstream.commit("main", { f: "1" });
    const mirror = await open();
    await mirror.fetch();
    server.requests.length = 0;
    const signal = AbortSignal.abort(new Error("enough"));
    for (const call of [
      async () => await mirror.listRemote({ signal }),
      async () => await mirror.fetch({ signal }),
      async () => await mirror.listRefs({ signal }),
      async () => await mirror.has([oid], { signal }),
      async () => await mirror.readCommit(oid, { signal }),
      async () => await collect(mirror.listTree(oid, { signal })),
      async () => await collect(mirror.diffTrees(oid, oid, { signal })),
      async () => await collect(mirror.readBlobs([oid], { signal })),
      async () => await mirror.compareCommits(oid, oid, { signal }),
    ]) {
      await expect(call()).rejects.toMatchObject({
        kind: "Aborted",
        code: "GIT_ABORTED",
        cause: signal.reason,
      });
    }
    expect(server.requests).toEqual([]);
    expect(await mirror.has([oid])).toEqual(new Set([oid]));
  });
});

describe("failures of a server", () => {
  test("a missing, a wrong and a right credential", async () => {
    const { open, upstream, server } = await mirrorFixture("http");
    const oid = await upstream.commit("main", { f: "1" });
    server.faults.basicAuth = { username: "ada", password: "p@ss:w/rd %20" };
    expect(await bothFail(await open())).toMatchObject({ kind: "AuthFailed" });
    const wrong = await bothFail(await open({ credential: { username: "ada", password: "wr0ng-secret" } }));
    expect(wrong).toMatchObject({ kind: "AuthFailed" });
    expect(`${wrong.message}${wrong.hint}${wrong.stack}`).not.toContain("wr0ng-secret");
    const mirror = await open({ credential: server.faults.basicAuth });
    await mirror.fetch();
    expect((await mirror.listRefs()).refs.get("refs/heads/main")).toBe(oid);
  });

  test("each user has a mirror of its own in each scope, whatever the password", async () => {
    const { open } = await mirrorFixture("http");
    const mirrors = [
      await open(),
      await open({ credential: { password: "a" } }),
      await open({ credential: { username: "u", password: "b" } }),
      await open({ credential: { username: "u", password: "b" }, scope: "other" }),
    ];
    expect(new Set(mirrors.map(({ directory }) => directory)).size).toBe(4);
    expect((await open({ credential: { password: "b" } })).directory).toBe(mirrors[1]?.directory);
    expect((await open({ scope: "other" })).directory).toBe(mirrors[0]?.directory);
  });

  test.each([
    [403, "AuthFailed"],
    [404, "AuthFailed"],
    [429, "RateLimited"],
    [500, "Transient"],
    [503, "Transient"],
    [302, "Refused"],
  ])("an answer of %i is %s", async (status, kind) => {
    const { open, server } = await mirrorFixture("http");
    server.faults.answer = { status, headers: { location: `${server.url}/elsewhere` } };
    const error = await bothFail(await open());
    expect(error).toMatchObject({ kind });
    expect(error.hint ?? "none").not.toBe("");
    expect(server.requests.every(({ url }) => url.startsWith("/content.git/"))).toBe(true);
  });

  test.each([429, 503])("the time that a server asks for with %i is told", async (status) => {
    const { open, server } = await mirrorFixture("http");
    server.faults.answer = { status, headers: { "retry-after": "120" } };
    const before = Date.now();
    const { retryAt } = await bothFail(await open());
    expect(retryAt?.getTime()).toBeGreaterThanOrEqual(before + 120_000);
    expect(retryAt?.getTime()).toBeLessThanOrEqual(Date.now() + 120_000);
    const date = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000);
    server.faults.answer = { status, headers: { "retry-after": date.toUTCString() } };
    expect((await bothFail(await open())).retryAt).toEqual(date);
  });

  test("a server that is down is Transient", async () => {
    const { open, server } = await mirrorFixture("http");
    const mirror = await open();
    await server.close();
    expect(await bothFail(mirror)).toMatchObject({ kind: "Transient" });
  });

  test("a pack that is cut in the middle changes nothing, and the next fetch is whole", async () => {
    const { open, upstream, server } = await mirrorFixture("http");
    const first = await upstream.commit("main", { f: "1" });
    const mirror = await open();
    await mirror.fetch();
    const noise = Array.from({ length: 50_000 }, (_, n) => `${Math.sin(n)}`).join("\n");
    const second = await upstream.commit("main", { noise });
    server.faults.cutPackAfterBytes = 50_000;
    await expect(mirror.fetch()).rejects.toMatchObject({ kind: "Transient" });
    expect((await mirror.listRefs()).refs.get("refs/heads/main")).toBe(first);
    expect(await mirror.has([second])).toEqual(new Set());
    expect(
      (await readdir(mirror.directory, { recursive: true })).filter((name) => name.includes("tmp_")),
    ).toEqual([]);
    server.faults.cutPackAfterBytes = undefined;
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect(await mirror.has([second])).toEqual(new Set([second]));
  });

  test.each(["any", "pack"] as const)(
    "abort ends a fetch that hangs (%s), and leaves no process",
    async (hang) => {
      const { open, upstream, server } = await mirrorFixture("http");
      await upstream.commit("main", { f: "1" });
      const mirror = await open();
      server.faults.hang = hang;
      const controller = new AbortController();
      const fetching = mirror.fetch({ signal: controller.signal });
      await server.hanging();
      const during = await findProcesses(mirror.directory);
      expect(during.some(({ command }) => command.includes("remote-http"))).toBe(true);
      controller.abort(new Error("enough"));
      await expect(fetching).rejects.toMatchObject({ kind: "Aborted" });
      expect(await findProcesses(mirror.directory)).toEqual([]);
      server.faults.hang = undefined;
      expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    },
  );

  test("a timeout ends a listing that hangs, and leaves no process", async () => {
    const { open, server } = await mirrorFixture("http");
    server.faults.hang = "any";
    const mirror = await open({ timeoutMs: 300 });
    await expect(mirror.listRemote()).rejects.toMatchObject({ kind: "Transient", message: /300 ms/ });
    expect(await findProcesses(mirror.directory)).toEqual([]);
  });

  test("a server that is no git server is a typed failure", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).end("SSH-2.0-nonsense\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const root = await temporaryFolder();
    await using mirror = await openMirror({
      root,
      url: `http://127.0.0.1:${port}/x.git`,
      protocols: ["http"],
    });
    expect(await bothFail(mirror)).toMatchObject({ kind: "Transient" });
  });

  test("a credential is in no command line, file, or error", async () => {
    const { open, upstream, server, root } = await mirrorFixture("http");
    await upstream.commit("main", { f: "1" });
    const credential = { username: "ada", password: "s3cr3t-t0ken/with ünusual%chars" };
    server.faults.basicAuth = credential;
    server.faults.hang = "pack";
    const mirror = await open({ credential });
    const controller = new AbortController();
    const fetching = mirror.fetch({ signal: controller.signal });
    await server.hanging();
    const lines = await allCommandLines();
    expect(lines.some((line) => line.includes("remote-http") && line.includes(`${server.port}`))).toBe(true);
    controller.abort();
    const error = (await fetching.catch((reason: unknown) => reason)) as GitError;
    const texts = [...lines, error.message, error.stack ?? "", String(error.cause)];
    server.faults.hang = undefined;
    await mirror.fetch();
    for (const name of await readdir(root, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) texts.push(await readFile(join(name.parentPath, name.name), "latin1"));
    }
    const forms = [credential.password, encodeURIComponent(credential.password), "s3cr3t"];
    const basic = Buffer.from(`${credential.username}:${credential.password}`).toString("base64");
    for (const form of [...forms, basic]) expect(texts.filter((text) => text.includes(form))).toEqual([]);
  });
});

describe("what is refused", () => {
  test.each([
    "ext::sh -c touch% /tmp/pwned",
    "ext::https://example.org/x",
    "fd::17",
    "--upload-pack=touch",
    "-oProxyCommand=x",
    "git@example.org:a/b.git",
    "ssh://-oProxyCommand=x/y",
    "ssh://git:secret@example.org/x",
    "git://example.org/x",
    "file:///etc",
    "http://example.org/x",
    "https://user:secret@example.org/x",
    "https://secret@example.org/x",
    "https://example.org/x?token=secret",
    "https://example.org\\@evil.org/x",
    "https://example.org/x\nurl=y",
    "/etc",
    "",
  ])("%j is no URL that git is sent to", async (url) => {
    const root = await temporaryFolder();
    const opening = openMirror({ root, url });
    await expect(opening).rejects.toMatchObject({ kind: "Refused", code: "GIT_REFUSED" });
    await expect(opening).rejects.not.toThrow(/secret/);
    expect(await readdir(root)).toEqual([]);
  });

  test("hosts outside the list", async () => {
    const root = await temporaryFolder();
    const hosts = ["git.example.org", "[::1]:3000"];
    for (const url of ["https://git.example.org/x", "ssh://git@GIT.example.org/x", "https://[::1]:3000/x"]) {
      await using mirror = await openMirror({ root, url, hosts });
      expect(mirror.directory).toContain(root);
    }
    for (const url of [
      "https://example.org/x",
      "https://169.254.169.254/x",
      "https://git.example.org.evil.org/x",
    ]) {
      await expect(openMirror({ root, url, hosts })).rejects.toMatchObject({ kind: "Refused" });
    }
  });

  test("anything but whole object names", async () => {
    const { open, upstream } = await mirrorFixture();
    const oid = await upstream.commit("main", { f: "1" });
    const mirror = await open();
    await mirror.fetch();
    for (const name of [
      "main",
      "HEAD",
      "--output=x",
      oid.slice(0, 12),
      oid.toUpperCase(),
      `${oid}\n`,
      `${oid}:f`,
    ]) {
      await expect(mirror.has([name])).rejects.toMatchObject({ kind: "Refused" });
      await expect(mirror.readCommit(name)).rejects.toMatchObject({ kind: "Refused" });
      await expect(mirror.compareCommits(oid, name)).rejects.toMatchObject({ kind: "Refused" });
      await expect(collect(mirror.listTree(name))).rejects.toMatchObject({ kind: "Refused" });
      await expect(collect(mirror.diffTrees(oid, name))).rejects.toMatchObject({ kind: "Refused" });
      await expect(collect(mirror.readBlobs([name]))).rejects.toMatchObject({ kind: "Refused" });
    }
  });
});
