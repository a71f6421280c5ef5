import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** By path: the content of a file, or null for a file that goes. */
export type Files = Readonly<Record<string, string | null>>;

/** A bare upstream that tests change as its users would. */
export interface ScratchRepository extends AsyncDisposable {
  readonly directory: string;
  /** `file:` URL. */
  readonly url: string;
  /** Commits on top of a branch, which is created when it is new. @returns the commit */
  commit(branch: string, files: Files): Promise<string>;
  /** Points branches at a commit, whatever they pointed at before. */
  branches(names: readonly string[], commit: string): Promise<void>;
  deleteBranch(name: string): Promise<void>;
  tip(branch: string): Promise<string | undefined>;
  git(args: readonly string[], input?: string): Promise<string>;
}

/** Nobody's configuration, no prompts, English. */
export const gitEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
};

/** @param folder where to make it; default a new one, removed on disposal */
export async function scratchRepository(folder?: string): Promise<ScratchRepository> {
  const directory = join(folder ?? (await mkdtemp(join(tmpdir(), "headstart-upstream-"))), "content.git");
  const git = async (args: readonly string[], input = ""): Promise<string> =>
    await runGit(["-C", directory, ...args], input);
  await runGit(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", directory], "");
  await git(["config", "gc.auto", "0"]);
  let time = 1_700_000_000;
  const tip = async (branch: string): Promise<string | undefined> => {
    const line = await git(["for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`]);
    return line.trim() === "" ? undefined : line.trim();
  };
  return {
    directory,
    url: pathToFileURL(directory).href,
    git,
    tip,
    commit: async (branch, files) => {
      const parent = await tip(branch);
      const person = `Ada <ada@example.org> ${(time += 1)} +0000`;
      const lines = [
        `commit refs/heads/${branch}\nmark :1\nauthor ${person}\ncommitter ${person}\ndata 6\nchange\n`,
        ...(parent === undefined ? [] : [`from ${parent}\n`]),
        ...Object.entries(files).map(([path, content]) =>
          content === null
            ? `D ${path}\n`
            : `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n${content}\n`,
        ),
      ];
      const answer = await git(["fast-import", "--quiet", "--done"], `${lines.join("")}get-mark :1\ndone\n`);
      return answer.trim();
    },
    branches: async (names, commit) =>
      void (await git(
        ["update-ref", "--stdin"],
        names.map((name) => `update refs/heads/${name} ${commit}\n`).join(""),
      )),
    deleteBranch: async (name) => void (await git(["update-ref", "-d", `refs/heads/${name}`])),
    [Symbol.asyncDispose]: async () => await rm(join(directory, ".."), { recursive: true, force: true }),
  };
}

async function runGit(args: readonly string[], input: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const options = { env: gitEnvironment, maxBuffer: 1 << 28 };
    const child = execFile("git", [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`git ${args.join(" ")}: ${stderr}`, { cause: error }));
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
