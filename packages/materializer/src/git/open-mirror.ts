import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { checkUrl, defaultProtocols } from "./check-url.ts";
import { GitError } from "./git-error.ts";
import { resolveLimits } from "./git-limits.ts";
import { GitMirror } from "./git-mirror.ts";
import { prepareHome } from "./mirror-home.ts";
import { beginUse } from "./mirror-use.ts";
import type { Mirror, MirrorOptions } from "./mirror.ts";
import { accessBy } from "./place.ts";

/**
 * Opens the mirror of a repository. It is made by the first fetch: opening asks no network.
 *
 * @throws GitError `Refused` when the URL is not allowed, or git is missing or too old; `Aborted`
 */
export async function openMirror(options: MirrorOptions, signal?: AbortSignal): Promise<Mirror> {
  const { protocols = defaultProtocols, hosts, credential, timeoutMs = 600_000 } = options;
  const url = checkUrl(options.url, { protocols, hosts });
  await requireGit();
  const directory = mirrorDirectory(options);
  const limits = resolveLimits(options.limits);
  // Again when it was just being removed, as one that nobody had used for long.
  do await mkdir(directory, { recursive: true, mode: 0o700 });
  while (!(await beginUse(directory, signal)));
  const home = await prepareHome(directory, { protocols, limits });
  return new GitMirror({ directory, url, home, ...accessBy(home, credential), timeoutMs, limits });
}

/** Where the mirror of a repository is or would be. The URL is one that `checkUrl` lets through somewhere. */
export function mirrorDirectory({ root, url, ...whose }: MirrorOptions): string {
  return join(resolve(root), folderName(new URL(url).href, whose));
}

/**
 * Two users may see two different repositories behind one URL, so each has a mirror of its own, in each scope. The
 * password is no part of the name: tokens are replaced by others every hour, and the repository stays the same.
 */
function folderName(url: string, { credential, scope }: Pick<MirrorOptions, "credential" | "scope">): string {
  const user = credential === undefined ? [] : [credential.username ?? "git", scope ?? ""];
  return createHash("sha256")
    .update(JSON.stringify([url, ...user]))
    .digest("hex")
    .slice(0, 24);
}

let version: Promise<string> | undefined;

/** `cat-file --batch-command` is there since 2.36. */
async function requireGit(): Promise<void> {
  version ??= promisify(execFile)("git", ["version"], {
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
  }).then(
    ({ stdout }) => stdout,
    () => "",
  );
  const text = await version;
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  if (major > 2 || (major === 2 && minor >= 36)) return;
  version = undefined;
  throw new GitError(
    "Refused",
    text === "" ? "There is no git on this machine." : `This is ${text.trim()}.`,
    {
      hint: "Install git 2.36 or newer, and have it on the PATH.",
    },
  );
}
