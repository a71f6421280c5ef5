import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { execa } from "execa";
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
    {
      hint: "run as an ordinary user, or add one: useradd --system postgres",
    },
  );
}

async function identify(flag: "-u" | "-g", name: string): Promise<number | undefined> {
  const { stdout, exitCode } = await execa("id", [flag, name], { reject: false, stdin: "ignore" });
  return exitCode === 0 ? Number(stdout) : undefined;
}

/** Whether `account` can reach what lies in `directory`; the folders above it count. */
export async function canReach(account: ServerAccount, directory: string): Promise<boolean> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const execute = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}
