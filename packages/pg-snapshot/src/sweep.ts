import { advisoryKey } from "./advisory-key.ts";
import { PgSnapshotError } from "./errors.ts";
import { ownerOf } from "./names.ts";
import type { Owner } from "./owner.ts";
import type { OnProgress } from "./progress.ts";
import { dropDatabase } from "./template/create-database.ts";

export interface SweepResult {
  readonly dropped: readonly string[];
  /** Clones of dead processes that somebody is connected to; they are left alone. */
  readonly inUse: readonly string[];
}

export interface SweepOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Drops the databases of processes that are gone. Whether one is gone is known, not guessed: its lock can be
 * had only when its session has ended. Half-made databases go together with what their dead builder left
 * running in them; a clone that somebody is connected to stays.
 */
export async function sweep(owner: Owner, { signal, onProgress }: SweepOptions = {}): Promise<SweepResult> {
  const names = await owner.query<{ datname: string }>(
    "looking for databases of crashed processes",
    String.raw`select datname from pg_catalog.pg_database where datname like 'hs\_b\_%' or datname like 'hs\_c\_%'`,
  );
  const byOwner = new Map<string, string[]>();
  for (const { datname } of names) {
    const id = ownerOf(datname)?.owner;
    if (id !== undefined && id !== owner.id) byOwner.set(id, [...(byOwner.get(id) ?? []), datname]);
  }
  const dropped: string[] = [];
  const inUse: string[] = [];
  for (const [id, databases] of byOwner) {
    signal?.throwIfAborted();
    await whenDead(owner, id, async () => {
      for (const database of databases) {
        onProgress?.({ phase: "sweep", detail: database });
        const gone = await dropLeftover(owner, database);
        (gone ? dropped : inUse).push(database);
      }
    });
  }
  return { dropped, inUse };
}

/** Runs `work` holding the lock of owner `id`, if that owner's session is gone. */
async function whenDead(owner: Owner, id: string, work: () => Promise<void>): Promise<void> {
  const key = advisoryKey("owner", id);
  const doing = "asking whether an owner is alive";
  const [row] = await owner.query<{ dead: boolean }>(
    doing,
    "select pg_try_advisory_lock($1::bigint) as dead",
    [key],
  );
  if (!row?.dead) return;
  try {
    await work();
  } finally {
    await owner.query("releasing an owner's lock", "select pg_advisory_unlock($1::bigint)", [key]);
  }
}

async function dropLeftover(owner: Owner, database: string): Promise<boolean> {
  try {
    await dropDatabase(owner, database, { force: ownerOf(database)?.kind === "scratch" });
    return true;
  } catch (error) {
    const mayStay =
      error instanceof PgSnapshotError && ["DATABASE_IN_USE", "PERMISSION_DENIED"].includes(error.code);
    if (!mayStay) throw error;
    return false;
  }
}
