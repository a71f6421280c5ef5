import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { databaseUrl } from "../server/connection-settings.ts";
import { readPassword } from "./data-directory.ts";
import { isKeptRunning, stopForAll } from "./membership.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";
import { majorOfDataFolder } from "./server-settings.ts";
import { defaultServerDirectory, serverConnection } from "./start-embedded-server.ts";

/** A server as seen from outside, without joining it. */
export type EmbeddedServerStatus =
  | { readonly running: false; readonly directory: string }
  | {
      readonly running: true;
      readonly directory: string;
      readonly dataDirectory: string;
      readonly pid: number;
      readonly port: number;
      readonly major: number;
      /** Whether it was told to stay when the last process leaves. */
      readonly staysRunning: boolean;
      /** URL of the maintenance database, with the password. */
      readonly url: string;
    };

/**
 * What runs in a directory, by the servers' own pid files: of several, which differ in version or settings, the
 * newest version.
 *
 * @throws {PgSnapshotError} `PERMISSION_DENIED` when it is another account's
 */
export async function embeddedServerStatus(
  directory = defaultServerDirectory(),
): Promise<EmbeddedServerStatus> {
  const [found] = await listRunning(directory);
  if (!found) return { running: false, directory };
  const { dataDirectory, major, postmaster } = found;
  const password = await readPassword(dataDirectory);
  return {
    running: true,
    directory,
    dataDirectory,
    pid: postmaster.pid,
    port: postmaster.port,
    major,
    staysRunning: await isKeptRunning(dataDirectory, postmaster),
    url: databaseUrl(serverConnection(postmaster.port, password ?? "")),
  };
}

/**
 * Stops every server of a directory whoever uses it; `false` when none runs. An abort stops no further one.
 *
 * @throws {PgSnapshotError} `PERMISSION_DENIED` when one is another account's
 */
export async function stopEmbeddedServer(
  directory = defaultServerDirectory(),
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const running = await listRunning(directory);
  for (const { dataDirectory, postmaster } of running) {
    signal?.throwIfAborted();
    await stopForAll(dataDirectory, postmaster);
  }
  return running.length > 0;
}

interface RunningServer {
  readonly dataDirectory: string;
  readonly major: number;
  readonly postmaster: Postmaster;
}

async function listRunning(directory: string): Promise<RunningServer[]> {
  const real = await realpath(directory).catch(() => resolve(directory));
  const servers: RunningServer[] = [];
  for (const name of await readdir(real).catch(() => [])) {
    const major = majorOfDataFolder(name);
    if (major === undefined) continue;
    const dataDirectory = join(real, name);
    const postmaster = await findPostmaster(dataDirectory);
    if (postmaster) servers.push({ dataDirectory, major, postmaster });
  }
  return servers.sort((a, b) => b.major - a.major);
}
