import { execFile } from "node:child_process";
import { scrypt } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { checkUrl, defaultProtocols } from "./check-url.ts";
import { GitError } from "./git-error.ts";
import { resolveLimits } from "./git-limits.ts";
import { GitMirror } from "./git-mirror.ts";
import { prepareHome, type Credential } from "./mirror-home.ts";
import type { Mirror, MirrorOptions } from "./mirror.ts";
import { redactor } from "./redact.ts";

/**
 * Opens the mirror of a repository. It is made by the first fetch: opening asks no network.
 *
 * @throws GitError `Refused` when the URL is not allowed, or git is missing or too old
 */
export async function openMirror(options: MirrorOptions): Promise<Mirror> {
  const { protocols = defaultProtocols, hosts, credential, timeoutMs = 600_000 } = options;
  const url = checkUrl(options.url, { protocols, hosts });
  await requireGit();
  const directory = join(resolve(options.root), await digest(url, credential));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const limits = resolveLimits(options.limits);
  const home = await prepareHome(directory, { protocols, credential, limits });
  const secrets = credential
    ? [`${credential.username ?? "git"}:${credential.password}`, credential.password]
    : [];
  return new GitMirror({
    directory,
    url,
    home,
    timeoutMs,
    redact: redactor(secrets),
    limits,
  });
}

/**
 * Two credentials may see two different repositories behind one URL, so each has a mirror of its own. The name is
 * slow to compute, so that whoever can list the folder cannot try passwords by it.
 */
async function digest(url: string, credential: Credential | undefined): Promise<string> {
  const subject = JSON.stringify([url, credential?.username ?? null, credential?.password ?? null]);
  const key = await promisify<string, string, number, Buffer>(scrypt)(subject, "headstart-materializer", 12);
  return key.toString("hex");
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
