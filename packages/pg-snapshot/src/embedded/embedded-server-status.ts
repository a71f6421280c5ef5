import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { databaseUrl } from "../server/connection-settings.ts";
import { readPassword } from "./data-directory.ts";
import { isKeptRunning, keepRunning } from "./membership.ts";
import { findPostmaster, stopPostmaster } from "./postmaster.ts";
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
      readonly staysRunning: boolean;
      /** URL of the maintenance database, with the password. */
      readonly url: string;
    };

/** What runs in a directory, by the servers' own pid files. */
export async function embeddedServerStatus(
  directory = defaultServerDirectory(),
): Promise<EmbeddedServerStatus> {
  const real = await realpath(directory).catch(() => resolve(directory));
  const majors = (await readdir(directory).catch(() => [])).flatMap(
    (name) => /^data-(\d+)$/.exec(name)?.[1] ?? [],
  );
  for (const major of majors.map(Number)) {
    const dataDirectory = join(real, `data-${major}`);
    const running = await findPostmaster(dataDirectory);
    if (!running) continue;
    const password = await readPassword(dataDirectory);
    return {
      running: true,
      directory,
      dataDirectory,
      pid: running.pid,
      port: running.port,
      major,
      staysRunning: await isKeptRunning(dataDirectory),
      url: databaseUrl(serverConnection(running.port, password ?? "")),
    };
  }
  return { running: false, directory };
}

/** Stops the server of a directory whoever uses it; `false` when none runs. */
export async function stopEmbeddedServer(
  directory = defaultServerDirectory(),
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const status = await embeddedServerStatus(directory);
  if (!status.running) return false;
  await keepRunning(status.dataDirectory, false);
  await stopPostmaster(status.pid, signal);
  return true;
}
