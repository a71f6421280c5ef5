import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { advisoryKey } from "../advisory-key.ts";
import { PgSnapshotError } from "../errors.ts";
import { connect, type Session } from "../server/connect.ts";
import type { ConnectionSettings } from "../server/connection-settings.ts";
import { explained } from "../sql-error.ts";
import { findPostmaster, stopPostmaster } from "./postmaster.ts";

/**
 * Who shares a server is told by a lock in it: every member holds it shared for as long as its session lives,
 * however it ends. Who gets it alone is the last one, and no newcomer can join while the server is stopped.
 */
const membersKey = advisoryKey("owner", "members of this server");

/** `undefined` when the server is being stopped. */
export async function joinServer(
  settings: ConnectionSettings,
  dataDirectory: string,
  signal?: AbortSignal,
): Promise<Session | undefined> {
  let session: Session | undefined;
  try {
    session = await connect(settings, { applicationName: `headstart member (${process.pid})`, signal });
    const { rows } = await explained("joining the server", () =>
      (session as Session).query<{ joined: boolean; data: string }>(
        "select pg_try_advisory_lock_shared($1::bigint) as joined, current_setting('data_directory') as data",
        [membersKey],
      ),
    );
    if (rows[0]?.joined && rows[0].data === dataDirectory) {
      session.keepProcessAlive(false);
      return session;
    }
  } catch (error) {
    const stopping = error instanceof PgSnapshotError && error.code === "SERVER_UNREACHABLE";
    if (!stopping) {
      await session?.[Symbol.asyncDispose]();
      throw error;
    }
  }
  await session?.[Symbol.asyncDispose]();
  return undefined;
}

/** Gives up membership, and stops the server when nobody else is a member and nobody asked it to stay. */
export async function leaveServer(session: Session, dataDirectory: string): Promise<void> {
  session.keepProcessAlive(true);
  try {
    if (session.lost.aborted || (await isKeptRunning(dataDirectory))) return;
    const { rows } = await session.query<{ alone: boolean }>(
      "select pg_advisory_unlock_shared($1::bigint), pg_try_advisory_lock($1::bigint) as alone",
      [membersKey],
    );
    const running = await findPostmaster(dataDirectory);
    if (rows[0]?.alone && running) await stopPostmaster(running.pid);
  } catch (error) {
    // Somebody stopped the server meanwhile: then there is nothing left to leave.
    if (!session.lost.aborted) throw error;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

const marker = (dataDirectory: string): string => join(dataDirectory, "headstart-keep-running");

export async function keepRunning(dataDirectory: string, keep = true): Promise<void> {
  if (keep) await writeFile(marker(dataDirectory), "");
  else await rm(marker(dataDirectory), { force: true });
}

export async function isKeptRunning(dataDirectory: string): Promise<boolean> {
  return await access(marker(dataDirectory)).then(
    () => true,
    () => false,
  );
}
