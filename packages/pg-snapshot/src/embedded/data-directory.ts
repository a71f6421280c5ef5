import { randomBytes } from "node:crypto";
import { chown, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import { PgSnapshotError } from "../errors.ts";
import type { PostgresBinaries } from "./find-postgres.ts";
import { isAlive } from "./postmaster.ts";
import { canReach, type ServerAccount } from "./server-account.ts";

/** Name of the server's one superuser. */
export const superuser = "postgres";
const passwordFile = "headstart-password";

export interface InitialisedData {
  readonly dataDirectory: string;
  readonly password: string;
}

export interface InitialiseOptions {
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The data directory of this major version below `directory`, made when it is not there. It is made aside and
 * renamed, password included, so that it is whole or absent whoever is killed; of several makers one wins and
 * all use what won.
 *
 * @throws {PgSnapshotError} `SERVER_START_FAILED`, `DISK_FULL`
 */
export async function initialiseData(
  directory: string,
  options: InitialiseOptions,
): Promise<InitialisedData> {
  const { binaries, account, signal } = options;
  const dataDirectory = join(directory, `data-${binaries.major}`);
  const existing = await readPassword(dataDirectory);
  if (existing !== undefined) return { dataDirectory, password: existing };

  await mkdir(directory, { recursive: true });
  if (account && !(await canReach(account, directory))) {
    throw new PgSnapshotError(
      "SERVER_START_FAILED",
      `the server runs as "${account.name}", who cannot enter "${directory}"`,
      {
        hint: "choose a directory that is open to others, for example with HEADSTART_CACHE=/var/cache/headstart",
      },
    );
  }
  await removeAbandoned(directory);
  // The pid in the name tells later runs whether its maker still lives.
  const aside = await mkdtemp(join(directory, `initdb-${process.pid}-`));
  try {
    if (account) await chown(aside, account.uid, account.gid);
    const password = randomBytes(18).toString("base64url");
    await runInitdb(join(aside, "data"), { ...options, password, aside });
    signal?.throwIfAborted();
    await rename(join(aside, "data"), dataDirectory).catch(ignoreOccupied);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  const password = await readPassword(dataDirectory);
  if (password === undefined) {
    throw new PgSnapshotError(
      "SERVER_START_FAILED",
      `"${dataDirectory}" exists but is no data directory of ours`,
      {
        hint: `remove it: rm -r "${dataDirectory}"`,
      },
    );
  }
  return { dataDirectory, password };
}

async function runInitdb(
  data: string,
  { binaries, account, signal, password, aside }: InitialiseOptions & { password: string; aside: string },
): Promise<void> {
  const secret = join(aside, "password");
  await writeFile(secret, `${password}\n`, { mode: 0o600 });
  if (account) await chown(secret, account.uid, account.gid);
  // UTF-8 with the order of code points: the same on every machine, and letters are letters to text search.
  const locale = process.platform === "linux" ? "C.UTF-8" : "C";
  const result = await execa(
    join(binaries.directory, "initdb"),
    [
      `--pgdata=${data}`,
      `--username=${superuser}`,
      `--pwfile=${secret}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      `--locale=${locale}`,
      "--no-sync",
      "--no-instructions",
    ],
    {
      stdin: "ignore",
      all: true,
      reject: false,
      cwd: "/",
      env: { LC_ALL: "C" },
      ...(account && { uid: account.uid, gid: account.gid }),
      ...(signal && { cancelSignal: signal }),
    },
  );
  signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    const full = /No space left/i.test(result.all ?? "");
    throw new PgSnapshotError(
      full ? "DISK_FULL" : "SERVER_START_FAILED",
      `initdb failed: ${(result.all ?? result.shortMessage ?? "").split("\n").slice(-6).join("\n")}`,
      { hint: full ? "free space, or choose another place with HEADSTART_CACHE" : undefined },
    );
  }
  await rename(secret, join(data, passwordFile));
}

/** The superuser's password; `undefined` when the directory is not one of ours. */
export async function readPassword(dataDirectory: string): Promise<string | undefined> {
  const text = await readFile(join(dataDirectory, passwordFile), "utf8").catch(() => undefined);
  return text?.trim();
}

/** Folders of initdb runs whose process was killed. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = /^(?:initdb|binaries)-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/**
 * Binaries that `account` can run: where it cannot reach them, for example in a checkout below root's home, a
 * copy of the installation.
 */
export async function reachableBinaries(
  directory: string,
  { binaries, account }: InitialiseOptions,
): Promise<PostgresBinaries> {
  if (!account || (await canReach(account, binaries.directory))) return binaries;
  const copy = join(directory, `binaries-${binaries.version}`);
  const copied = { ...binaries, directory: join(copy, basename(binaries.directory)) };
  await mkdir(directory, { recursive: true });
  const aside = await mkdtemp(join(directory, `binaries-${process.pid}-`));
  try {
    await cp(dirname(binaries.directory), join(aside, "copy"), { recursive: true, verbatimSymlinks: true });
    await rename(join(aside, "copy"), copy).catch(ignoreOccupied);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return copied;
}

function ignoreOccupied(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
}
