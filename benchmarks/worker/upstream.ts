import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { execa } from "execa";

const FILES = 200;

/** A bare repository whose pushes are prepared, so that pushing costs the machine next to nothing. */
export interface Upstream extends AsyncDisposable {
  /** Points drafts at main's tip. */
  draft(names: readonly string[]): Promise<void>;
  /** Writes commits that each change one page of a branch, in order; nobody sees them before they are pushed. */
  prepare(branch: string, titles: readonly string[]): Promise<string[]>;
  /** Commits on many branches at once, and pushes them: main's tip and one page changed. */
  commitOnEach(branches: readonly string[], title: string): Promise<void>;
  /** Points a branch at a commit. Resolves once everybody can see it. */
  push(branch: string, oid: string): Promise<void>;
}

export async function makeUpstream(directory: string): Promise<Upstream> {
  await execa("git", ["init", "--quiet", "--bare", "--initial-branch=main", directory]);
  await execa("git", ["--git-dir", directory, "config", "gc.auto", "0"]);
  const git = async (args: readonly string[], input = ""): Promise<string> =>
    (await execa("git", ["--git-dir", directory, ...args], { input, maxBuffer: 1 << 30 })).stdout;
  const all = Array.from({ length: FILES }, (_, page) => inline(page, `page ${page}`));
  await git(["fast-import", "--quiet"], `${commitLine("refs/heads/main")}${all.join("")}`);
  const updates = updateRefs(directory);
  let prepared = 0;
  return {
    draft: async (names) => {
      const lines = names.map((name) => `create refs/heads/${name} refs/heads/main\n`);
      await git(["update-ref", "--stdin"], lines.join(""));
    },
    prepare: async (branch, titles) => {
      const ref = `refs/prepared/${(prepared += 1)}`;
      const commits = titles.map((title, index) => {
        const from = index === 0 ? `from refs/heads/${branch}^0\n` : "";
        return `${commitLine(ref, index + 1)}${from}${inline(index % FILES, title)}get-mark :${index + 1}\n`;
      });
      const said = await git(["fast-import", "--quiet"], commits.join(""));
      return said.split("\n").filter(Boolean);
    },
    commitOnEach: async (branches, title) => {
      const commits = branches.map(
        (branch, index) =>
          `${commitLine(`refs/heads/${branch}`)}from refs/heads/main^0\n${inline(index % FILES, `${title} ${branch}`)}`,
      );
      await git(["fast-import", "--quiet", "--force"], commits.join(""));
    },
    push: async (branch, oid) => await updates.push(`refs/heads/${branch}`, oid),
    [Symbol.asyncDispose]: async () => await updates.end(),
  };
}

/** One process for all updates: a process each would cost more than what is measured. */
function updateRefs(directory: string) {
  const child: ChildProcess = spawn("git", ["--git-dir", directory, "update-ref", "--stdin"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const waiting: (() => void)[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => {
    if (line === "commit: ok") waiting.shift()?.();
  });
  return {
    push: async (ref: string, oid: string): Promise<void> => {
      const done = new Promise<void>((resolve) => waiting.push(resolve));
      child.stdin?.write(`start\nupdate ${ref} ${oid}\ncommit\n`);
      await done;
    },
    end: async (): Promise<void> => {
      const exited = once(child, "exit");
      child.stdin?.end();
      await exited;
    },
  };
}

function commitLine(ref: string, mark?: number): string {
  const marked = mark === undefined ? "" : `mark :${mark}\n`;
  return `commit ${ref}\n${marked}committer Ada <ada@example.org> ${1_700_000_000 + (mark ?? 0)} +0000\ndata 4\nedit\n`;
}

function inline(page: number, title: string): string {
  const content = JSON.stringify({ title, text: "some words of text ".repeat(50) });
  return `M 100644 inline pages/${page}.json\ndata ${Buffer.byteLength(content)}\n${content}\n`;
}
