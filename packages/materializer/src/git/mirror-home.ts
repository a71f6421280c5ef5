import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GitProtocol } from "./check-url.ts";
import type { GitLimits } from "./git-limits.ts";

export interface Credential {
  /** What forges expect beside a token differs; most take anything. @default "git" */
  readonly username?: string;
  /** Password or token. */
  readonly password: string;
}

/** Where a mirror's git finds its configuration and nobody else's, and the environment that says so. */
export interface MirrorHome {
  /** A folder that is empty and stays so: there are no hooks, templates or work tree for git to find. */
  readonly empty: string;
  /** For reading what is here: no network, no credential. */
  readonly local: Readonly<Record<string, string>>;
  /** For talking to the remote, but for the credential. */
  readonly remote: Readonly<Record<string, string>>;
  /** The program that hands git the credential of its environment. */
  readonly askpass: string;
}

export interface HomeOptions {
  readonly protocols: readonly GitProtocol[];
  readonly limits: Pick<GitLimits, "maxObjectMemory">;
}

/** Variables of the machine that say how the network and its certificates are reached, and nothing about git. */
const inherited = [
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "https_proxy",
  "http_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SSH_AUTH_SOCK",
];

/**
 * Writes the home that git gets inside `directory`.
 *
 * The hardening is in a file, not on command lines: two of these settings count only in a user's own configuration,
 * and simple-git refuses the rest as arguments.
 */
export async function prepareHome(
  directory: string,
  { protocols, limits }: HomeOptions,
): Promise<MirrorHome> {
  const home = join(directory, "home");
  const empty = join(directory, "empty");
  const askpass = join(home, "askpass");
  await mkdir(home, { recursive: true, mode: 0o700 });
  await mkdir(empty, { recursive: true, mode: 0o700 });
  await writeOnce(join(home, ".gitconfig"), configuration(protocols, empty), 0o600);
  await writeOnce(askpass, askpassScript, 0o700);
  const local = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_ALLOC_LIMIT: String(limits.maxObjectMemory),
  };
  const machine = inherited.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const remote = {
    ...local,
    ...Object.fromEntries(machine),
    GIT_ALLOW_PROTOCOL: protocols.join(":"),
    GIT_PROTOCOL_FROM_USER: "0",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    GIT_SSH_VARIANT: "ssh",
    GIT_TRACE_CURL: "3",
    GIT_TRACE_CURL_NO_DATA: "1",
  };
  return { empty, local, remote, askpass };
}

/** By which git is given a credential: nothing but its environment. */
export function credentialEnvironment(
  { askpass }: MirrorHome,
  { username = "git", password }: Credential,
): Record<string, string> {
  return { GIT_ASKPASS: askpass, HEADSTART_GIT_USERNAME: username, HEADSTART_GIT_PASSWORD: password };
}

/** Git asks for one thing at a time; the answers come through the environment, which only this user can read. */
const askpassScript = `#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$HEADSTART_GIT_USERNAME" ;;
  *) printf '%s\\n' "$HEADSTART_GIT_PASSWORD" ;;
esac
`;

/**
 * Objects are checked when they come in, except for faults that old tools left in many histories, and for names that
 * harm only those who check out: the reader reports such a path as a problem of that file, where a refusal here would
 * hold up every branch.
 */
const tolerated = [
  "badTimezone",
  "badDateOverflow",
  "missingSpaceBeforeDate",
  "missingEmail",
  "missingSpaceBeforeEmail",
  "zeroPaddedDate",
  "zeroPaddedFilemode",
  "nulInCommit",
  "badFilemode",
  "hasDot",
  "hasDotdot",
  "hasDotgit",
  "gitmodulesBlob",
  "gitmodulesLarge",
  "gitmodulesMissing",
  "gitmodulesName",
  "gitmodulesParse",
  "gitmodulesPath",
  "gitmodulesSymlink",
  "gitmodulesUpdate",
  "gitmodulesUrl",
  "gitattributesBlob",
  "gitattributesLarge",
  "gitattributesLineLength",
  "gitattributesMissing",
];

function configuration(protocols: readonly GitProtocol[], empty: string): string {
  const sections: Record<string, Record<string, string>> = {
    safe: { bareRepository: "explicit", directory: "*" },
    protocol: { allow: "never", version: "2" },
    ...Object.fromEntries(protocols.map((protocol) => [`protocol "${protocol}"`, { allow: "always" }])),
    http: { followRedirects: "false", emptyAuth: "false", lowSpeedLimit: "1", lowSpeedTime: "300" },
    credential: { helper: "" },
    core: {
      hooksPath: quote(empty),
      fsmonitor: "false",
      attributesFile: "/dev/null",
      bigFileThreshold: "16m",
    },
    gc: { auto: "0" },
    maintenance: { auto: "false" },
    // One pack a fetch instead of loose objects: it is whole or absent.
    fetch: { fsckObjects: "true", unpackLimit: "1", recurseSubmodules: "false", showForcedUpdates: "false" },
    'fetch "fsck"': Object.fromEntries(tolerated.map((fault) => [fault, "ignore"])),
    submodule: { recurse: "false" },
    transfer: { bundleURI: "false", credentialsInUrl: "die" },
    // Everything that was ever served stays readable: a build reads the commit that it was given.
    pack: { threads: "1" },
  };
  return Object.entries(sections)
    .map(
      ([name, values]) =>
        `[${name}]\n${Object.entries(values)
          .map(([key, value]) => `\t${key} = ${value}\n`)
          .join("")}`,
    )
    .join("");
}

function quote(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Another process may be starting with the same home: it finds the old file or the new one, never a part. */
async function writeOnce(path: string, content: string, mode: number): Promise<void> {
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present === content) return;
  const aside = `${path}.${randomUUID()}`;
  await writeFile(aside, content, { mode });
  await rename(aside, path);
}
