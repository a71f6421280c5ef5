import { randomBytes } from "node:crypto";
import { chown, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startProgram } from "../start-program.ts";
import { PgSnapshotError } from "../errors.ts";
import type { PostgresBinaries } from "./find-postgres.ts";
import { makeAside, removeAbandoned, removeAside } from "./make-aside.ts";
import { fateOfServer } from "./run-note.ts";
import type { ServerAccount } from "./server-account.ts";

/** Name of the server's one superuser. */
export const superuser = "postgres";
const passwordFile = "headstart-password";

export interface InitialisedData {
  readonly dataDirectory: string;
  readonly password: string;
}

export interface InitialiseOptions {
  /** See {@link dataFolderName}. */
  readonly name: string;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told when old data had to be given up, and why. */
  readonly onDiscard?: ((reason: string) => void) | undefined;
  /** Told when there are none and they are being made. */
  readonly onMake?: (() => void) | undefined;
}

/**
 * The data directory `directory`/`name`, made when it is not there, whole or not at all.
 *
 * Without `fsync` a restart of the machine under a running server may tear its files, and nothing would tell;
 * such data is thrown away. A killed server alone does no harm: what it wrote is with the kernel.
 *
 * @throws {PgSnapshotError} `SERVER_START_FAILED`, `DISK_FULL`, `PERMISSION_DENIED`
 */
export async function initialiseData(
  directory: string,
  options: InitialiseOptions,
): Promise<InitialisedData> {
  const { name, signal, onDiscard, onMake } = options;
  const dataDirectory = join(directory, name);
  const fate = await fateOfServer(dataDirectory);
  if (fate === "elsewhere") throw runsElsewhere(dataDirectory);
  if (fate === "cut-off") {
    onDiscard?.("the machine restarted under the server, its data is made anew");
    await removeAside(directory, name, async (moved) => (await fateOfServer(moved)) !== "cut-off");
  }
  await removeAbandoned(directory);
  const existing = await readPassword(dataDirectory);
  if (existing !== undefined) return { dataDirectory, password: existing };

  onMake?.();
  await makeAside(directory, name, async (folder, scratch) => {
    await runInitdb(folder, { ...options, scratch });
    signal?.throwIfAborted();
  });
  const password = await readPassword(dataDirectory);
  if (password !== undefined) return { dataDirectory, password };
  throw new PgSnapshotError("SERVER_START_FAILED", `"${dataDirectory}" is no data directory of ours`, {
    hint: `remove it: rm -r "${dataDirectory}"`,
  });
}

/** Its process cannot be asked from here, and two servers would destroy the data. */
function runsElsewhere(dataDirectory: string): PgSnapshotError {
  return new PgSnapshotError(
    "SERVER_START_FAILED",
    `"${dataDirectory}" is in use by a server of another machine, or was when that machine stopped`,
    {
      hint: `give each machine a cache of its own with HEADSTART_CACHE; if that server is gone for good: rm -r "${dataDirectory}"`,
    },
  );
}

interface InitdbOptions extends InitialiseOptions {
  readonly scratch: string;
}

async function runInitdb(data: string, options: InitdbOptions): Promise<void> {
  const { account, signal, scratch, binaries } = options;
  const secret = join(scratch, "password");
  await writeFile(secret, `${randomBytes(18).toString("base64url")}\n`, { mode: 0o600 });
  if (account) {
    await chown(scratch, account.uid, account.gid);
    await chown(secret, account.uid, account.gid);
  }
  const flags = [
    `--pgdata=${data}`,
    `--pwfile=${secret}`,
    `--username=${superuser}`,
    "--encoding=UTF8",
    "--auth=scram-sha-256",
    "--no-sync",
    "--no-instructions",
  ];
  let output = "";
  for (const locale of localeFlags(binaries.major)) {
    const run = await runToEnd([...flags, ...locale], options);
    signal?.throwIfAborted();
    if (run.succeeded) return await rename(secret, join(data, passwordFile));
    output = run.output;
    if (!/locale/i.test(output)) break;
  }
  throw initdbFailed(output);
}

/** An abort kills initdb with all that it started: nobody may write into a folder that is being removed. */
async function runToEnd(
  flags: readonly string[],
  { binaries, account, signal }: InitdbOptions,
): Promise<{ readonly succeeded: boolean; readonly output: string }> {
  const initdb = startProgram(join(binaries.directory, "initdb"), flags, {
    stdin: "ignore",
    all: true,
    reject: false,
    cwd: "/",
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
    extendEnv: false,
    detached: true,
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  const kill = (): void => {
    try {
      if (initdb.pid !== undefined) process.kill(-initdb.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted) kill();
  const { exitCode, all, shortMessage } = await initdb;
  signal?.removeEventListener("abort", kill);
  return { succeeded: exitCode === 0, output: all || shortMessage || "" };
}

function initdbFailed(output: string): PgSnapshotError {
  const message = `initdb failed: ${output.split("\n").slice(-8).join("\n")}`;
  if (/No space left/i.test(output)) {
    const hint = "free space, or choose another place with HEADSTART_CACHE";
    return new PgSnapshotError("DISK_FULL", message, { hint });
  }
  const nameless = /could not look up effective user/.test(output);
  return new PgSnapshotError("SERVER_START_FAILED", message, {
    hint: nameless ? "the account needs a name: add a line for it to /etc/passwd" : undefined,
  });
}

/**
 * UTF-8, sorted by code point, with letters that are letters to `lower()` and text search: the same on every
 * machine as far as its C library can do it. The last resort knows ASCII letters only.
 */
function localeFlags(major: number): string[][] {
  const library = process.platform === "darwin" ? ["--locale=C", "--lc-ctype=UTF-8"] : ["--locale=C.UTF-8"];
  const builtin = major >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : [];
  const messages = "--lc-messages=C";
  return [
    [...library, ...builtin, messages],
    ["--locale=C", ...builtin, messages],
  ];
}

/**
 * The superuser's password; `undefined` when the directory is not there or not one of ours.
 *
 * @throws {PgSnapshotError} `PERMISSION_DENIED` when it is another account's
 */
export async function readPassword(dataDirectory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDirectory, passwordFile), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new PgSnapshotError(
      "PERMISSION_DENIED",
      `cannot read the server's password in "${dataDirectory}"`,
      {
        hint: "the server is another account's: choose a directory of your own with HEADSTART_CACHE",
        cause: error,
      },
    );
  }
}
