import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { momentAt } from "../corpus/clock.ts";
import { createWorld, type Actor } from "../corpus/world.ts";
import { contentHistory, type Commit, type Step } from "./content-history.ts";

/** A branch after one push of the history; `oid` is null where the push deleted it. */
export interface Push {
  readonly branch: string;
  readonly oid: string | null;
  readonly forced: boolean;
  readonly author: string;
}

export interface ContentRepositoryOptions {
  /** Called after each push, before the next one. */
  readonly afterPush?: (push: Push) => Promise<void> | void;
  readonly signal?: AbortSignal;
}

const execute = promisify(execFile);
const secondsBetweenPushes = 3600;

/**
 * Makes the content of the canvases as a bare repository in `directory`, which must be empty or absent: `main`, some
 * drafts, and a history with mistakes in it. Names, dates and settings are fixed, so every oid is the same each time.
 */
export async function createContentRepository(
  directory: string,
  { afterPush, signal }: ContentRepositoryOptions = {},
): Promise<Push[]> {
  const desk = await mkdtemp(join(tmpdir(), "canvases-content-"));
  try {
    const git = gitIn(desk, signal);
    await git(["init", "--quiet", "--bare", "--initial-branch=main", "--template=", directory]);
    await git(["init", "--quiet", "--initial-branch=main", "--template=", "."]);
    await git(["remote", "add", "origin", directory]);
    const pushes: Push[] = [];
    for (const [index, step] of contentHistory(createWorld()).entries()) {
      const push = await take(step, { git, desk, at: index * secondsBetweenPushes });
      pushes.push(push);
      await afterPush?.(push);
    }
    return pushes;
  } finally {
    await rm(desk, { recursive: true, force: true });
  }
}

type Git = (args: readonly string[], by?: { author: Actor; at: number }) => Promise<string>;

interface Desk {
  readonly git: Git;
  readonly desk: string;
  /** Seconds since the story began. */
  readonly at: number;
}

async function take(step: Step, { git, desk, at }: Desk): Promise<Push> {
  const { branch, author } = step;
  if ("deleted" in step) {
    await git(["push", "--quiet", "origin", "--delete", branch]);
    return { branch, oid: null, forced: false, author: author.login };
  }
  await goTo(step, git);
  await change(step, git, desk);
  await git(["add", "--all"]);
  await git(["commit", "--quiet", "--message", step.subject], { author, at });
  const force = step.force === true;
  await git(["push", "--quiet", ...(force ? ["--force"] : []), "origin", branch]);
  const oid = (await git(["rev-parse", "HEAD"])).trim();
  return { branch, oid, forced: force, author: author.login };
}

async function goTo({ branch, from }: Commit, git: Git): Promise<void> {
  if (from !== undefined) {
    await git(["switch", "--quiet", "--force-create", branch, from]);
  } else if ((await git(["branch", "--show-current"])).trim() !== branch) {
    await git(["switch", "--quiet", branch]);
  }
}

async function change(
  { rename = [], remove = [], write = new Map() }: Commit,
  git: Git,
  desk: string,
): Promise<void> {
  for (const [from, to] of rename) {
    await mkdir(join(desk, dirname(to)), { recursive: true });
    await git(["mv", "--", from, to]);
  }
  if (remove.length > 0) {
    await git(["rm", "--quiet", "--", ...remove]);
  }
  for (const [path, content] of write) {
    await mkdir(join(desk, dirname(path)), { recursive: true });
    await writeFile(join(desk, path), content);
  }
}

/** Nothing of the machine's configuration takes part, or the oids would be other ones. */
function gitIn(cwd: string, signal: AbortSignal | undefined): Git {
  const clean = {
    PATH: process.env["PATH"],
    HOME: cwd,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
  const settings = ["-c", "core.autocrlf=false", "-c", "commit.gpgSign=false", "-c", "gc.auto=0"];
  return async (args, by) => {
    const env = by === undefined ? clean : { ...clean, ...identity(by.author, by.at) };
    const { stdout } = await execute("git", [...settings, ...args], { cwd, env, signal });
    return stdout;
  };
}

function identity({ login }: Actor, at: number): NodeJS.ProcessEnv {
  const email = `${login}@example.org`;
  const date = momentAt(at);
  return {
    GIT_AUTHOR_NAME: login,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: login,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
}
