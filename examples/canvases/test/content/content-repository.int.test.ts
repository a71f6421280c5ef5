import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { drafts } from "../../content/content-history.ts";
import { createContentRepository, type Push } from "../../content/create-content-repository.ts";

let folder: string;
let repository: string;
let pushes: Push[];
const tipsAfter: (string | null)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "content-repository-"));
  repository = join(folder, "one");
  pushes = await createContentRepository(repository, {
    afterPush: async ({ branch }) => {
      tipsAfter.push((await git("for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`)) || null);
    },
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function git(...args: string[]): Promise<string> {
  const { stdout } = await execa("git", ["--git-dir", repository, ...args]);
  return stdout;
}

async function branches(directory = repository): Promise<Record<string, string>> {
  const format = "--format=%(refname:lstrip=2) %(objectname)";
  const { stdout } = await execa("git", ["--git-dir", directory, "for-each-ref", format, "refs/heads"]);
  return Object.fromEntries(stdout.split("\n").map((line) => line.split(" ") as [string, string]));
}

describe("the content repository", () => {
  test("has the same commits each time, whatever git is configured to do", async () => {
    const again = join(folder, "again");
    vi.stubEnv("GIT_AUTHOR_NAME", "Somebody");
    vi.stubEnv("GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z");
    vi.stubEnv("GIT_DIR", join(folder, "elsewhere"));
    await createContentRepository(again);
    vi.unstubAllEnvs();
    expect(await branches(again)).toEqual(await branches());
    expect(await branches()).toMatchInlineSnapshot(`
      {
        "drafts/broken-lantern": "66cf32332037d390630fee2e522b92bcebc3f8f6",
        "drafts/consoles-for-all": "0aa605bdbf302998ea4f48bb8f0b42bc4c80f5db",
        "drafts/repaired-meadow": "14bbe5129d1c27f7add675dad21821bdf546abb9",
        "drafts/rewritten-orchard": "0f3b7a964a206fa2ef9f82f7ac7ceeb2b1312788",
        "drafts/tidy-harbor": "67a807d4cb805cd2f90e0c572ed08ef6d18a0d3b",
        "main": "3194b300199fbd52c9397d0974d037e1568d302d",
        "notes/ideas": "898862b76666f181cf337d0cec9dcc26d76c491b",
      }
    `);
  });

  test("tells of each push when it is there", () => {
    expect(pushes.map(({ oid }) => oid)).toEqual(tipsAfter);
    expect(pushes.filter(({ branch }) => branch === drafts.abandoned).at(-1)?.oid).toBeNull();
  });

  test("has a forced push that takes commits back", async () => {
    const [before, after] = pushes.filter(({ branch }) => branch === drafts.rewritten);
    expect(after?.forced).toBe(true);
    await expect(git("merge-base", "--is-ancestor", before!.oid!, after!.oid!)).rejects.toMatchObject({
      exitCode: 1,
    });
  });

  test("has a canvas under another name, and a folder where a file was", async () => {
    const renames = await git(
      "log",
      "--first-parent",
      "-M",
      "--diff-filter=R",
      "--name-status",
      "--format=",
      "main",
    );
    expect(
      renames
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split("\t").slice(1)),
    ).toEqual([
      ["about", "about/canvases.md"],
      [
        expect.stringMatching(/^canvases\/harbor\/.*-next\/canvas\.yaml$/),
        expect.stringMatching(/^canvases\/harbor\//),
      ],
    ]);
  });

  test("has drafts behind main", async () => {
    expect(await git("rev-list", "--count", `${drafts.tidy}..main`)).toBe("1");
  });

  test("leaves nothing but itself, also when it is broken off", async () => {
    const scratch = join(folder, "scratch");
    await mkdir(scratch);
    vi.stubEnv("TMPDIR", scratch);
    try {
      const controller = new AbortController();
      const broken = createContentRepository(join(folder, "broken"), {
        signal: controller.signal,
        afterPush: () => controller.abort(),
      });
      await expect(broken).rejects.toThrow("aborted");
      await createContentRepository(join(folder, "whole"));
      expect(await readdir(scratch)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
