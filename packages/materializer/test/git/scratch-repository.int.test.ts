import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { basename, dirname } from "node:path";
import { expect, test } from "vitest";
import { gitHttpServer } from "../support/git/git-http-server.ts";
import { scratchRepository } from "../support/git/scratch-repository.ts";

test("a scratch repository does what its users would do", async () => {
  await using upstream = await scratchRepository();
  const first = await upstream.commit("main", { "a.yaml": "a: 1\n", "dir/b.bin": Buffer.from([0, 255]) });
  const second = await upstream.commit("main", {
    "a.yaml": null,
    run: { executable: "x" },
    link: { symlink: "a" },
  });
  await upstream.branch("drafts/-odd", first);
  const replaced = await upstream.forcePush("drafts/-odd", [[Buffer.from([0x61, 0xff]), "bytes"]]);
  expect(await upstream.refs()).toEqual(
    new Map([
      ["refs/heads/main", second],
      ["refs/heads/drafts/-odd", replaced],
    ]),
  );
  const tree = await upstream.git(["ls-tree", "-r", "--name-only", "-z", "main"]);
  expect(tree.toString()).toBe("dir/b.bin\0link\0run\0");
  expect(await upstream.git(["ls-tree", "-z", "--name-only", replaced])).toEqual(
    Buffer.from([0x61, 0xff, 0]),
  );
  const many = await upstream.commits(
    "long",
    Array.from({ length: 300 }, (_, n) => ({ [`f${n}`]: `${n}` })),
  );
  expect(many.length).toBe(300);
  expect((await upstream.git(["rev-list", "--count", "long"])).toString().trim()).toBe("300");
});

test("the server serves a repository over HTTP, and fails as it is told", async () => {
  await using upstream = await scratchRepository();
  await using server = await gitHttpServer(dirname(upstream.directory));
  const oid = await upstream.commit("main", { "a.yaml": "a: 1\n" });
  const url = `${server.url}/${basename(upstream.directory)}`;
  const listed = async (): Promise<string> => (await promisify(execFile)("git", ["ls-remote", url])).stdout;
  expect(await listed()).toBe(`${oid}\tHEAD\n${oid}\trefs/heads/main\n`);
  expect(server.requests.length).toBe(2);
  server.faults.answer = { status: 503, times: 1 };
  await expect(listed()).rejects.toThrow("503");
  expect(await listed()).toContain(oid);
});
