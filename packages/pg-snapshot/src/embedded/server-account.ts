import { chown, lstat, mkdir, chmod, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startProgram } from "../start-program.ts";
import { PgSnapshotError } from "../errors.ts";

/** Whom the server runs as, when not as ourselves. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** In order of preference. Postgres refuses to run as root, and initdb wants an account that has a name. */
const candidates = ["postgres", "nobody"];

/**
 * The unprivileged account that a server started by root runs as; `undefined` for everybody else, who run it as
 * themselves.
 *
 * @throws {PgSnapshotError} `SERVER_START_FAILED` when the machine has no such account
 */
export async function serverAccount(): Promise<ServerAccount | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  for (const name of candidates) {
    const [uid, gid] = await Promise.all([identify("-u", name), identify("-g", name)]);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid };
  }
  throw new PgSnapshotError(
    "SERVER_START_FAILED",
    "Postgres does not run as root, and no other account was found",
    { hint: "run as an ordinary user, or add one: useradd --system postgres" },
  );
}

async function identify(flag: "-u" | "-g", name: string): Promise<number | undefined> {
  const { stdout, exitCode } = await startProgram("id", [flag, name], { reject: false, stdin: "ignore" });
  return exitCode === 0 ? Number(stdout) : undefined;
}

/** Whether `account` can enter every folder down to `directory`. */
async function canReach(account: ServerAccount, directory: string): Promise<boolean> {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (!(await allows(account, folder, 0o1))) return false;
    if (dirname(folder) === folder) return true;
  }
}

/** Whether `account` can run `program`, the folders above it included. */
export async function canRun(account: ServerAccount, program: string): Promise<boolean> {
  return (await canReach(account, dirname(program))) && (await allows(account, program, 0o5));
}

async function allows(account: ServerAccount, path: string, wanted: number): Promise<boolean> {
  const { mode, uid, gid } = await stat(path);
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}

/**
 * Makes `directory`. What is made for another account is open to it whatever our umask; what was there before
 * stays as it is.
 *
 * @throws {PgSnapshotError} `SERVER_START_FAILED` when the account cannot enter it, `PERMISSION_DENIED`
 */
export async function makeServerDirectory(
  directory: string,
  account: ServerAccount | undefined,
): Promise<void> {
  const first = await mkdir(directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new PgSnapshotError("PERMISSION_DENIED", `cannot make "${directory}": ${error.message}`, {
      hint: "choose another place with HEADSTART_CACHE or the setting `directory`",
      cause: error,
    });
  });
  if (!account) return;
  if (first !== undefined) {
    for (let folder = directory; folder.length >= first.length; folder = dirname(folder)) {
      await chmod(folder, 0o755);
    }
  }
  if (await canReach(account, directory)) return;
  throw new PgSnapshotError(
    "SERVER_START_FAILED",
    `the server runs as "${account.name}", who cannot enter "${directory}"`,
    { hint: "choose a directory that is open to all, for example with HEADSTART_CACHE=/var/cache/headstart" },
  );
}

/** Gives a folder and all that is in it to `account`. */
export async function giveTo(account: ServerAccount, path: string): Promise<void> {
  const entry = await lstat(path);
  if (entry.isSymbolicLink()) return;
  await chown(path, account.uid, account.gid);
  if (!entry.isDirectory()) return;
  for (const name of await readdir(path)) await giveTo(account, join(path, name));
}
