import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { defineProjector } from "@headstart/materializer";
import { execa } from "execa";
import { z } from "zod";

/** Pages of front matter and about a kilobyte of text, one unit each. */
export const pages = defineProjector({
  name: "pages",
  revision: "1",
  kinds: {
    page: { match: "pages/**/*.md", format: "markdown", schema: z.object({ title: z.string() }) },
  },
  assemble: (_, files) => ({
    rows: files.map(({ path, document }) => ({ collection: "page", key: path, data: document.frontMatter })),
  }),
});

/** A repository of our own that is pushed to: every commit changes one page of one branch. */
export interface Upstream {
  readonly url: string;
  /** Points drafts at main's tip, without a commit. */
  draft(names: readonly string[]): Promise<void>;
  /** One commit on each branch. */
  commit(branches: readonly string[]): Promise<void>;
}

export async function makeUpstream(directory: string, { files }: { files: number }): Promise<Upstream> {
  const bare = join(directory, "upstream.git");
  let round = 0;
  const git = async (args: readonly string[], input = ""): Promise<string> =>
    (await execa("git", ["--git-dir", bare, ...args], { input, maxBuffer: 1 << 30 })).stdout;
  await execa("git", ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
  const all = Array.from({ length: files }, (_, page) => inline(page, 0));
  await git(["fast-import", "--quiet"], `${commitLine("main", 0)}${all.join("")}`);
  return {
    url: pathToFileURL(bare).href,
    draft: async (names) => {
      const lines = names.map((name) => `create refs/heads/${name} refs/heads/main\n`);
      await git(["update-ref", "--stdin"], lines.join(""));
    },
    commit: async (branches) => {
      round += 1;
      const commits = branches.map(
        (branch, index) =>
          `${commitLine(branch, round)}from refs/heads/${branch}^0\n${inline((round + index) % files, round, branch)}`,
      );
      await git(["fast-import", "--quiet"], commits.join(""));
    },
  };
}

function commitLine(branch: string, time: number): string {
  return `commit refs/heads/${branch}\ncommitter Ada <ada@example.org> ${1_700_000_000 + time} +0000\ndata 4\nedit\n`;
}

function inline(page: number, round: number, branch = ""): string {
  const text = `---\ntitle: Page ${page} ${round} ${branch}\n---\n${"some words of text ".repeat(50)}\n`;
  return `M 100644 inline pages/${page % 50}/${page}.md\ndata ${Buffer.byteLength(text)}\n${text}\n`;
}
