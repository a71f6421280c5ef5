import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { advisoryKey } from "../advisory-key.ts";
import { PgSnapshotError } from "../errors.ts";
import { connect, type Session } from "../server/connect.ts";
import type { ConnectionSettings } from "../server/connection-settings.ts";
import { explained } from "../sql-error.ts";
import { findPostmaster, pause, stopPostmaster, type Postmaster } from "./postmaster.ts";

/**
 * Who shares a server is told by a lock in it: every member holds it shared for as long as its session lives,
 * however it ends. Who gets it alone is the last one, and no newcomer can join while the server is stopped.
 */
const membersKey = advisoryKey("owner", "members of this server");

/** Milliseconds within which a server that crashed recovers and takes its members back. */
const recoveryMs = 60_000;

/** Where a member's server is. */
export interface Membership {
  readonly settings: ConnectionSettings;
  readonly dataDirectory: string;
  readonly postmaster: Postmaster;
}

/** One user of a shared server. While idle it does not keep the process running. */
export class Member {
  readonly #place: Membership;
  #session: Session;
  #rejoining: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;

  private constructor(place: Membership, session: Session) {
    this.#place = place;
    this.#session = session;
    this.#watch();
  }

  /** `undefined` when the server is being stopped. */
  static async join(place: Membership, signal?: AbortSignal): Promise<Member | undefined> {
    const session = await takeShared(place, signal);
    return session && new Member(place, session);
  }

  /** The server's version, for example `15.18`. */
  get serverVersion(): string {
    return this.#session.serverVersion;
  }

  /** Gives up membership, and stops the server when nobody else is a member and nobody asked it to stay. */
  async leave(): Promise<void> {
    await (this.#leaving ??= this.#leave());
  }

  async #leave(): Promise<void> {
    await this.#rejoining;
    const { dataDirectory, postmaster } = this.#place;
    const session = this.#session;
    session.keepProcessAlive(true);
    try {
      if (session.lost.aborted || (await isKeptRunning(dataDirectory, postmaster))) return;
      const { rows } = await session.query<{ alone: boolean }>(
        "select pg_advisory_unlock_shared($1::bigint), pg_try_advisory_lock($1::bigint) as alone",
        [membersKey],
      );
      if (rows[0]?.alone) await stopPostmaster(postmaster.pid);
    } catch (error) {
      // Somebody stopped the server meanwhile: then there is nothing left to leave.
      if (!session.lost.aborted) throw error;
    } finally {
      await session[Symbol.asyncDispose]();
    }
  }

  #watch(): void {
    const { lost } = this.#session;
    const rejoin = (): void => {
      if (!this.#leaving) this.#rejoining = this.#rejoin().catch(() => undefined);
    };
    if (lost.aborted) rejoin();
    else lost.addEventListener("abort", rejoin, { once: true });
  }

  /** A crashed backend makes the server end all sessions and go on: without this, others would stop it under us. */
  async #rejoin(): Promise<void> {
    const { dataDirectory, postmaster } = this.#place;
    for (const deadline = Date.now() + recoveryMs; Date.now() < deadline; await pause()) {
      const running = await findPostmaster(dataDirectory);
      if (running?.pid !== postmaster.pid || running.startedAt !== postmaster.startedAt) return;
      const session = await takeShared(this.#place);
      if (!session) continue;
      this.#session = session;
      return this.#watch();
    }
  }
}

async function takeShared(
  { settings, dataDirectory, postmaster }: Membership,
  signal?: AbortSignal,
): Promise<Session | undefined> {
  let session: Session | undefined;
  let joined = false;
  try {
    session = await connect(settings, { applicationName: `headstart member (${process.pid})`, signal });
    const opened = session;
    const { rows } = await explained("joining the server", () =>
      opened.query<{ joined: boolean; data: string }>(
        "select pg_try_advisory_lock_shared($1::bigint) as joined, current_setting('data_directory') as data",
        [membersKey],
      ),
    );
    joined =
      rows[0]?.joined === true && rows[0].data === dataDirectory && (await stays(dataDirectory, postmaster));
  } catch (error) {
    // It is stopping, recovering or gone; the caller looks again.
    if (!(error instanceof PgSnapshotError) || error.code !== "SERVER_UNREACHABLE") throw error;
  } finally {
    if (!joined) await session?.[Symbol.asyncDispose]();
  }
  if (!joined) return undefined;
  session?.keepProcessAlive(false);
  return session;
}

/**
 * Whether this very server is not being stopped. A shutdown ends the session of whoever stops the server, and with it
 * the lock that kept us out, perhaps before our own: but it notes that it began before it ends anybody.
 */
async function stays(dataDirectory: string, { pid, startedAt }: Postmaster): Promise<boolean> {
  const now = await findPostmaster(dataDirectory);
  return now?.ready === true && now.pid === pid && now.startedAt === startedAt;
}

const marker = (dataDirectory: string): string => join(dataDirectory, "headstart-keep-running");
const nameOf = ({ pid, startedAt }: Postmaster): string => `${pid} ${startedAt}`;

/** Asks this server, and not the next one in its directory, to stay when its last member leaves. */
export async function keepRunning(dataDirectory: string, postmaster: Postmaster): Promise<void> {
  await writeFile(marker(dataDirectory), nameOf(postmaster));
}

export async function isKeptRunning(dataDirectory: string, postmaster: Postmaster): Promise<boolean> {
  const text = await readFile(marker(dataDirectory), "utf8").catch(() => undefined);
  return text === nameOf(postmaster);
}

/** Stops a server whoever uses it. */
export async function stopForAll(dataDirectory: string, postmaster: Postmaster): Promise<void> {
  await stopPostmaster(postmaster.pid);
  await rm(marker(dataDirectory), { force: true });
}
