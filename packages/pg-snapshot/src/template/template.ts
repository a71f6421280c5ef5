import { PgSnapshotError } from "../errors.ts";
import { cloneName, keptCloneName } from "../names.ts";
import { Owner } from "../owner.ts";
import { quoteIdentifier, quoteLiteral } from "../quote-identifier.ts";
import { databaseUrl, type ConnectionSettings } from "../server/connection-settings.ts";
import { databaseSettingStatements } from "../snapshot/database-settings.ts";
import { sqlStateOf } from "../sql-error.ts";
import { checkCloneName } from "./check-clone-name.ts";
import { awaitSessionsToLeave } from "./connected-sessions.ts";
import { createDatabase, dropDatabase } from "./create-database.ts";
import type { TemplateDescription } from "./template-description.ts";

export interface CloneOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface KeepCloneOptions extends CloneOptions {
  /** 1 to 63 bytes, not starting with `hs_`. @default a new name that starts with `hs_k_` */
  readonly name?: string | undefined;
}

/** A database of your own, equal to its template. Disposing of it drops it. */
export interface Clone extends AsyncDisposable {
  readonly name: string;
  /** Connection URL, with the password where the server was given with one. */
  readonly url: string;
  /** Drops the database. Sessions that do not leave it within half a second are ended. May be tried again. */
  drop(): Promise<void>;
}

/** Half a second for closed connections to vanish: a clone that somebody forgot to leave costs no more. */
const looksBeforeForce = 25;

/** A whole, sealed template database. */
export class Template implements AsyncDisposable {
  readonly name: string;
  readonly description: TemplateDescription;
  readonly #settings: ConnectionSettings;
  #owner: Promise<Owner>;

  /** @param owner becomes the template's own, and ends with it */
  constructor(owner: Owner, name: string, description: TemplateDescription) {
    this.#owner = Promise.resolve(owner);
    this.#settings = owner.settings;
    this.name = name;
    this.description = description;
  }

  /**
   * A clone that lives as long as this process at most: dropped by `drop()` or `await using`, and swept by
   * the next run should this process be killed first.
   *
   * @throws {PgSnapshotError} `TEMPLATE_ABSENT` when the template was dropped meanwhile, `DISK_FULL`,
   * `TOO_MANY_CONNECTIONS`, `SERVER_UNREACHABLE`
   */
  async clone({ signal }: CloneOptions = {}): Promise<Clone> {
    const owner = await this.#liveOwner();
    const name = cloneName(owner.id, this.description.target);
    await this.#copy(owner, name, signal);
    let dropped: Promise<void> | undefined;
    const drop = (): Promise<void> =>
      (dropped ??= this.#drop(name).catch((error: unknown) => {
        dropped = undefined;
        throw error;
      }));
    return { name, url: databaseUrl(this.#settings, name), drop, [Symbol.asyncDispose]: drop };
  }

  /**
   * A clone that stays until it is dropped by name, marked as one in its comment.
   *
   * @throws {PgSnapshotError} as {@link clone} does, and `NAME_TAKEN`, `NAME_INVALID`
   */
  async keepClone({ name, signal }: KeepCloneOptions = {}): Promise<{
    readonly name: string;
    readonly url: string;
  }> {
    if (name !== undefined) checkCloneName(name);
    const owner = await this.#liveOwner();
    const kept = name ?? keptCloneName(this.description.target);
    if (name !== undefined) await checkFree(owner, name);
    // Made under a name that would be swept, so that an end in between leaves nothing unmarked behind.
    const unfinished = cloneName(owner.id, this.description.target);
    await this.#copy(owner, unfinished, signal);
    const { target, digest } = this.description;
    const mark = { headstart: "clone/1", target, digest, createdAt: new Date().toISOString() };
    try {
      await owner.transaction(`naming clone "${kept}"`, [
        `comment on database ${quoteIdentifier(unfinished)} is ${quoteLiteral(JSON.stringify(mark))}`,
        `alter database ${quoteIdentifier(unfinished)} rename to ${quoteIdentifier(kept)}`,
      ]);
    } catch (error) {
      await dropDatabase(owner, unfinished, { force: true });
      throw sqlStateOf(error) === duplicateDatabase ? nameTaken(kept, error) : error;
    }
    return { name: kept, url: databaseUrl(this.#settings, kept) };
  }

  /** Gives up the connection that proves this process alive; its clones may be swept from then on. */
  async [Symbol.asyncDispose](): Promise<void> {
    const owner = await this.#owner.catch(() => undefined);
    await owner?.[Symbol.asyncDispose]();
  }

  async #drop(name: string): Promise<void> {
    const owner = await this.#liveOwner();
    using _held = owner.hold();
    // Ending a session whose client has just said goodbye would reach that client as an error of its own.
    await awaitSessionsToLeave(owner, name, { looks: looksBeforeForce });
    await dropDatabase(owner, name, { force: true });
  }

  async #copy(owner: Owner, name: string, signal: AbortSignal | undefined): Promise<void> {
    const { strategy, settings, privileges } = this.description;
    try {
      await createDatabase(owner, name, { template: this.name, strategy, signal });
      const statements = databaseSettingStatements(name, { settings, privileges });
      if (statements.length > 0) await owner.transaction(`configuring database "${name}"`, statements);
    } catch (error) {
      // It is there when the abort came a moment too late, or when it could not be configured.
      await dropDatabase(owner, name, { force: true }).catch(() => undefined);
      throw sqlStateOf(error) === undefinedDatabase ? templateAbsent(this.name, error) : error;
    }
  }

  /** One session for all clones; a lost one is replaced, since its clones lost their sessions as well. */
  async #liveOwner(): Promise<Owner> {
    const current = this.#owner;
    const owner = await current.catch(() => undefined);
    if (owner && !owner.session.lost.aborted) return owner;
    if (this.#owner === current) this.#owner = Owner.open(this.#settings, { purpose: "clones" });
    return await this.#owner;
  }
}

const duplicateDatabase = "42P04";
const undefinedDatabase = "3D000";

function templateAbsent(name: string, cause: unknown): PgSnapshotError {
  return new PgSnapshotError("TEMPLATE_ABSENT", `template "${name}" was dropped meanwhile`, {
    hint: "prepare again, and clone what that hands out",
    cause,
  });
}

/** Said before the copy is made, which may take long; who is faster with the name is found out by naming. */
async function checkFree(owner: Owner, name: string): Promise<void> {
  const taken = await owner.query(
    "looking whether the name is free",
    "select 1 from pg_catalog.pg_database where datname = $1::name",
    [name],
  );
  if (taken.length > 0) throw nameTaken(name);
}

function nameTaken(name: string, cause?: unknown): PgSnapshotError {
  return new PgSnapshotError("NAME_TAKEN", `a database "${name}" is on the server already`, {
    hint: `choose another name; or, if it is a clone that nobody needs: headstart drop "${name}"`,
    cause,
  });
}
