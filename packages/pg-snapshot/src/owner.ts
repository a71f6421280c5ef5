import { hostname } from "node:os";
import { advisoryKey } from "./advisory-key.ts";
import { newOwnerId } from "./names.ts";
import { connect, type Session } from "./server/connect.ts";
import type { ConnectionSettings } from "./server/connection-settings.ts";
import { runQuery } from "./server/run-query.ts";
import { explained } from "./sql-error.ts";
import { maintenanceDatabase } from "./server/maintenance-database.ts";

/**
 * The proof that a process is alive: a session in the maintenance database that holds an advisory lock named
 * after the owner's id. Databases carry that id in their names; once the lock can be had, their owner is gone,
 * whatever ended it, and they may be swept.
 *
 * While idle it does not keep the process running.
 */
export class Owner implements AsyncDisposable {
  readonly id: string;
  readonly settings: ConnectionSettings;
  readonly session: Session;
  /** The server's name for who we are there; what we make belongs to it. */
  readonly role: string;

  private constructor(
    { id, role }: { id: string; role: string },
    settings: ConnectionSettings,
    session: Session,
  ) {
    this.id = id;
    this.role = role;
    this.settings = settings;
    this.session = session;
  }

  /** @throws as {@link connect} does */
  static async open(
    settings: ConnectionSettings,
    { purpose, signal }: { purpose: string; signal?: AbortSignal | undefined },
  ): Promise<Owner> {
    const id = newOwnerId();
    const session = await connect(settings, {
      database: maintenanceDatabase,
      applicationName: `headstart ${purpose} (${hostname().slice(0, 20)}:${process.pid})`,
      signal,
    });
    let role: string;
    try {
      const { rows } = await explained("taking the owner's lock", () =>
        session.query<{ role: string }>("select pg_advisory_lock($1::bigint), current_user::text as role", [
          advisoryKey("owner", id),
        ]),
      );
      role = rows[0]?.role ?? "";
      signal?.throwIfAborted();
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
    session.keepProcessAlive(false);
    return new Owner({ id, role }, settings, session);
  }

  /** Runs one statement that may take long, cancelled on the server when `signal` aborts. */
  async run(doing: string, text: string, signal?: AbortSignal): Promise<void> {
    await this.#busy(() => runQuery(this.session, text, { doing, signal, settings: this.settings }));
  }

  /** Runs one quick query. */
  async query<Row extends object>(
    doing: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    return await this.#busy(async () => {
      const { rows } = await explained(doing, () => this.session.query<Row>(text, [...values]));
      return rows;
    });
  }

  /** Runs statements in one transaction. */
  async transaction(doing: string, statements: readonly string[]): Promise<void> {
    await this.#busy(async () => {
      await explained(doing, async () => {
        await this.session.query("begin");
        try {
          for (const statement of statements) await this.session.query(statement);
          await this.session.query("commit");
        } catch (error) {
          await this.session.query("rollback").catch(() => undefined);
          throw error;
        }
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.session.keepProcessAlive(true);
    await this.session[Symbol.asyncDispose]();
  }

  /** Keeps the process running while there is work to wait for. */
  hold(): Disposable {
    if (this.#holds++ === 0) this.session.keepProcessAlive(true);
    return {
      [Symbol.dispose]: () => {
        if (--this.#holds === 0) this.session.keepProcessAlive(false);
      },
    };
  }

  #holds = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** One piece of work at a time: a transaction must not meet another caller's statements. */
  async #busy<T>(work: () => Promise<T>): Promise<T> {
    using _held = this.hold();
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return await mine;
  }
}
