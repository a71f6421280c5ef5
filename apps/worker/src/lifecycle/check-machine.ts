import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import { WorkerError } from "../worker-error.ts";

/** `git cat-file --batch-command` is there since 2.36. */
const OLDEST_GIT = [2, 36] as const;

/**
 * What would fail every build is found before any begins.
 *
 * @throws WorkerError `MIRRORS_UNWRITABLE`, `GIT_UNUSABLE`
 */
export async function checkMachine(mirrors: string): Promise<void> {
  try {
    await mkdir(mirrors, { recursive: true });
    await access(mirrors, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new WorkerError(
      "MIRRORS_UNWRITABLE",
      `The folder of mirrors "${mirrors}" cannot be written: ${code}.`,
      {
        hint: "Give it to the worker's user, or name another one as mirrors.directory.",
        cause,
      },
    );
  }
  await checkGit();
}

async function checkGit(): Promise<void> {
  const hint = "Install git 2.36 or newer, and have it on the PATH.";
  const said = await promisify(execFile)("git", ["--version"], { timeout: 10_000 }).catch(
    (cause: unknown) => {
      throw new WorkerError("GIT_UNUSABLE", "git cannot be run.", { hint, cause });
    },
  );
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(said.stdout)?.slice(1) ?? []).map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_GIT;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new WorkerError("GIT_UNUSABLE", `git is too old: ${said.stdout.trim().slice(0, 100)}.`, { hint });
}
