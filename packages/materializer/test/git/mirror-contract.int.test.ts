import { describe, expect, test } from "vitest";
import { collect, mirrorFixture, type Transport } from "../support/git/mirror-fixture.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";

describe.each<Transport>(["file", "http"])("a mirror over %s", (transport) => {
  test("lists what the remote has, and has nothing before the first fetch", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const oid = await upstream.commit("main", { "a.yaml": "a: 1\n" });
    const mirror = await open();
    expect(await mirror.listRemote()).toEqual({
      refs: new Map([["refs/heads/main", oid]]),
      unreadable: [],
      defaultRef: "refs/heads/main",
      objectFormat: "sha1",
    });
    expect((await mirror.listRefs()).refs).toEqual(new Map());
    expect(await mirror.has([oid])).toEqual(new Set());
    await expect(mirror.readCommit(oid)).rejects.toMatchObject({
      kind: "RefMissing",
      code: "GIT_REF_MISSING",
    });
    await expect(collect(mirror.listTree(oid))).rejects.toMatchObject({ kind: "RefMissing" });
    await expect(collect(mirror.readBlobs([oid]))).rejects.toMatchObject({ kind: "RefMissing" });
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect((await mirror.listRefs()).refs).toEqual(await upstream.refs());
    expect(await mirror.has([oid, "0".repeat(40)])).toEqual(new Set([oid]));
  });

  test("follows branches that come, move, are forced, replaced by folders, and go", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const mirror = await open();
    const follow = async (): Promise<void> => {
      expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
      const { refs } = await mirror.listRefs();
      expect(refs).toEqual(await upstream.refs());
      expect((await mirror.listRemote()).refs).toEqual(refs);
      expect(await mirror.has([...refs.values()])).toEqual(new Set(refs.values()));
    };
    const main = await upstream.commit("main", { "a.yaml": "a: 1\n" });
    await follow();
    await upstream.branch("drafts/x", main);
    await upstream.commit("main", { "a.yaml": "a: 2\n" });
    await follow();
    const forced = await upstream.forcePush("main", { "b.yaml": "b: 1\n" });
    await follow();
    await upstream.deleteBranch("drafts/x");
    await upstream.branch("drafts/x/y", forced);
    await follow();
    await upstream.deleteBranch("drafts/x/y");
    await upstream.branch("drafts/x", forced);
    await follow();
    await upstream.deleteBranch("drafts/x");
    await upstream.deleteBranch("main");
    await follow();
    // What was forced away stays readable: a build may be at it.
    expect(await mirror.has([main])).toEqual(new Set([main]));
  });

  test("brings only what was listed when that is asked for, and a commit that no branch has", async () => {
    const { upstream, server, open } = await mirrorFixture(transport);
    const mirror = await open();
    await upstream.commit("main", { "a.yaml": "a: 1\n" });
    await mirror.fetch();
    const lost = await upstream.commit("drafts/a", { "a.yaml": "a: 2\n" });
    const kept = await upstream.forcePush("drafts/a", { "a.yaml": "a: 3\n" });
    const other = await upstream.commit("drafts/b", { "b.yaml": "b: 1\n" });
    server.requests.length = 0;
    const listed = new Map([["refs/heads/drafts/a", kept]]);
    expect(await mirror.fetch({ listed })).toEqual({ complete: false, rejected: [] });
    const few = server.requests.length;
    expect(await mirror.has([lost, kept, other])).toEqual(new Set([kept]));
    expect((await mirror.listRefs()).refs.get("refs/heads/drafts/a")).toBe(kept);
    await mirror.fetchCommit(lost);
    expect(await mirror.has([lost])).toEqual(new Set([lost]));
    await expect(mirror.fetchCommit("1".repeat(40))).rejects.toMatchObject({ kind: "RefMissing" });
    server.requests.length = 0;
    await mirror.fetch();
    if (transport === "http")
      expect(server.requests.length, "git asks for the refs again").toBeGreaterThan(few);
  });

  test("brings all when what was listed is not there any more", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const mirror = await open();
    await upstream.commit("main", { "a.yaml": "a: 1\n" });
    await mirror.fetch();
    const oid = await upstream.commit("drafts/b", { "b.yaml": "b: 1\n" });
    const listed = new Map([["refs/heads/drafts/a", "1".repeat(40)]]);
    expect(await mirror.fetch({ listed })).toEqual({ complete: true, rejected: [] });
    expect(await mirror.has([oid])).toEqual(new Set([oid]));
  });

  test("reads the file at a path, and says when there is none", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const mirror = await open();
    const odd = "dir/new\nline: contents HEAD\n.txt";
    const oid = await upstream.commit("main", {
      "dir/a.bin": Buffer.from([0, 255, 10]),
      [odd]: "odd",
      link: { symlink: "/etc/passwd" },
      module: { submodule: "1".repeat(40) },
    });
    await mirror.fetch();
    const { tree } = await mirror.readCommit(oid);
    expect(await mirror.readPath(tree, "dir/a.bin")).toMatchObject({
      mode: "100644",
      bytes: Buffer.from([0, 255, 10]),
    });
    expect((await mirror.readPath(oid, odd)).bytes.toString()).toBe("odd");
    expect(await mirror.readPath(tree, "link")).toMatchObject({
      mode: "120000",
      bytes: Buffer.from("/etc/passwd"),
    });
    for (const path of [
      "dir",
      "module",
      "dir/b",
      "dir/a.bin/c",
      "DIR/a.bin",
      "",
      "/dir/a.bin",
      "dir/../link",
    ])
      await expect(mirror.readPath(tree, path), path).rejects.toMatchObject({
        kind: "PathMissing",
        code: "GIT_PATH_MISSING",
      });
    await expect(mirror.readPath("1".repeat(40), "a")).rejects.toMatchObject({ kind: "RefMissing" });
    const small = await open({ limits: { maxFileBytes: 2 } });
    await expect(small.readPath(tree, "dir/a.bin")).rejects.toMatchObject({ kind: "TooLarge" });
  });

  test("takes any branch name that git allows", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const oid = await upstream.commit("main", { f: "1" });
    const names = [
      "-evil",
      "--upload-pack=touch${IFS}pwned",
      "--exec=x",
      "A",
      "a",
      "drafts/ü/日本",
      "HEAD",
      "refs/heads/main",
      "a'b\"c;$(id)|&<>`",
      "#!%20",
      "refs/mat/x",
      "x".repeat(200),
    ];
    for (const name of names) await upstream.branch(name, oid);
    const mirror = await open();
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    const expected = new Map([...names, "main"].map((name) => [`refs/heads/${name}`, oid]));
    expect((await mirror.listRefs()).refs).toEqual(expected);
    expect(await mirror.listRemote()).toMatchObject({ refs: expected, defaultRef: "refs/heads/main" });
  });

  test("tells of branches whose names are no UTF-8, and lists all others", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const oid = await upstream.commit("main", { f: "1" });
    await upstream.git(
      ["update-ref", "--stdin"],
      Buffer.from(`create refs/heads/caf\xe9 ${oid}\n`, "latin1"),
    );
    const mirror = await open();
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    for (const listing of [await mirror.listRemote(), await mirror.listRefs()]) {
      expect(listing.refs).toEqual(new Map([["refs/heads/main", oid]]));
      expect(listing.unreadable).toEqual(["refs/heads/caf\uFFFD"]);
    }
  });

  test("reads commits, trees, differences and blobs", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const first = await upstream.commit(
      "main",
      { "a.yaml": "a: 1\n", "dir/b.bin": Buffer.from([0, 10, 255, 0]), "c d\n.txt": "", old: "same" },
      { author: "Zoë Ω <zoe@example.org>", message: "first", time: 1_700_000_123 },
    );
    const second = await upstream.commit("main", {
      "a.yaml": "a: 2\n",
      old: null,
      "new/name": "same",
      run: { executable: "#!" },
      link: { symlink: "../../etc/passwd" },
      sub: { submodule: first },
    });
    const mirror = await open();
    await mirror.fetch();
    const tree = (await upstream.git(["rev-parse", `${first}^{tree}`])).toString().trim();
    expect(await mirror.readCommit(first)).toEqual({
      oid: first,
      tree,
      parents: [],
      authorName: "Zoë Ω",
      authorEmail: "zoe@example.org",
      committedAt: new Date(1_700_000_123_000),
    });
    expect((await mirror.readCommit(second)).parents).toEqual([first]);
    const entries = await collect(mirror.listTree(second));
    expect(entries.map(({ path, mode, type, size }) => [path, mode, type, size])).toEqual([
      ["a.yaml", "100644", "blob", 5],
      ["c d\n.txt", "100644", "blob", 0],
      ["dir/b.bin", "100644", "blob", 4],
      ["link", "120000", "blob", 16],
      ["new/name", "100644", "blob", 4],
      ["run", "100755", "blob", 2],
      ["sub", "160000", "commit", null],
    ]);
    expect(await collect(mirror.listTree(tree))).toEqual(await collect(mirror.listTree(first)));
    const changes = await collect(mirror.diffTrees(first, second));
    expect(changes.map(({ path, before, after }) => [path, before?.mode, after?.mode])).toEqual([
      ["a.yaml", "100644", "100644"],
      ["link", undefined, "120000"],
      ["new/name", undefined, "100644"],
      ["old", "100644", undefined],
      ["run", undefined, "100755"],
      ["sub", undefined, "160000"],
    ]);
    const oid = (path: string): string => entries.find((entry) => entry.path === path)?.oid ?? "";
    const missing = "1".repeat(40);
    const asked = [oid("link"), missing, oid("dir/b.bin"), oid("c d\n.txt"), tree, oid("dir/b.bin")];
    expect(await collect(mirror.readBlobs(asked))).toEqual([
      { oid: asked[0], bytes: Buffer.from("../../etc/passwd") },
      { oid: missing, problem: "missing" },
      { oid: asked[2], bytes: Buffer.from([0, 10, 255, 0]) },
      { oid: asked[3], bytes: Buffer.alloc(0) },
      { oid: tree, problem: "missing" },
      { oid: asked[5], bytes: Buffer.from([0, 10, 255, 0]) },
    ]);
    expect(await collect(mirror.readBlobs([]))).toEqual([]);
  });

  test("compares commits", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const base = await upstream.commit("main", { f: "1" });
    await upstream.branch("drafts/x", base);
    const [, main = ""] = await upstream.commits("main", [{ f: "2" }, { f: "3" }]);
    const draft = await upstream.commit("drafts/x", { g: "1" });
    const alone = await upstream.forcePush("alone", { g: "1" });
    const mirror = await open();
    await mirror.fetch();
    expect(await mirror.compareCommits(draft, main)).toEqual({ ahead: 1, behind: 2, mergeBase: base });
    expect(await mirror.compareCommits(main, main)).toEqual({ ahead: 0, behind: 0, mergeBase: main });
    expect(await mirror.compareCommits(alone, main)).toEqual({ ahead: 1, behind: 3 });
    await expect(mirror.compareCommits(main, "1".repeat(40))).rejects.toMatchObject({ kind: "RefMissing" });
    await expect(collect(mirror.diffTrees(main, "1".repeat(40)))).rejects.toMatchObject({
      kind: "RefMissing",
    });
    await expect(collect(mirror.listTree("1".repeat(40)))).rejects.toMatchObject({ kind: "RefMissing" });
  });

  test("mirrors a SHA-256 repository, and one whose format changes", async () => {
    const { upstream, open } = await mirrorFixture(transport, { objectFormat: "sha256" });
    const oid = await upstream.commit("main", { f: "1" });
    expect(oid).toHaveLength(64);
    const mirror = await open();
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect(await mirror.listRefs()).toMatchObject({
      refs: new Map([["refs/heads/main", oid]]),
      objectFormat: "sha256",
    });
    const [entry] = await collect(mirror.listTree(oid));
    expect(await collect(mirror.readBlobs([entry?.oid ?? ""]))).toEqual([
      { oid: entry?.oid, bytes: Buffer.from("1") },
    ]);

    await upstream[Symbol.asyncDispose]();
    await using again = await scratchRepository({ directory: upstream.directory });
    const short = await again.commit("main", { f: "2" });
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect(await mirror.listRefs()).toMatchObject({
      refs: new Map([["refs/heads/main", short]]),
      objectFormat: "sha1",
    });
  });

  test("mirrors an empty repository, also one that becomes empty", async () => {
    const { upstream, open } = await mirrorFixture(transport);
    const mirror = await open();
    expect((await mirror.listRemote()).refs).toEqual(new Map());
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect((await mirror.listRefs()).refs).toEqual(new Map());
    await upstream.commit("main", { f: "1" });
    await mirror.fetch();
    expect((await mirror.listRefs()).refs).toEqual(await upstream.refs());
    await upstream.deleteBranch("main");
    expect(await mirror.fetch()).toEqual({ complete: true, rejected: [] });
    expect((await mirror.listRefs()).refs).toEqual(new Map());
  });

  test("tells the default branch, whatever its name, and none when HEAD is detached", async () => {
    const { upstream, open } = await mirrorFixture(transport, { defaultBranch: "trunk/live" });
    const oid = await upstream.commit("trunk/live", { f: "1" });
    const mirror = await open();
    expect((await mirror.listRemote()).defaultRef).toBe("refs/heads/trunk/live");
    await upstream.git(["update-ref", "--no-deref", "HEAD", oid]);
    expect(await mirror.listRemote()).not.toHaveProperty("defaultRef");
  });
});
