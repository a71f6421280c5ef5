import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { ownSessions } from "./own-sessions.ts";

export interface WorkOptions {
  readonly signal: AbortSignal;
  /** What the sessions are called in `pg_stat_activity`, before a word of their own; at most 26 bytes, for the server keeps 63. */
  readonly name: string;
  /** The work ends by the signal itself, in good order. Then it is cut off only if that takes long. */
  readonly mindsSignal: boolean;
}

/** Milliseconds that work which minds the signal has. Container runtimes kill after ten seconds. */
const graceMs = 5_000;

/**
 * Does something on a pool that has no connection yet. An abort ends it whatever the database waits for: its
 * transactions are rolled back, and a statement that waits for a lock is not carried out when that is freed.
 *
 * @throws the signal's reason once the sessions are gone, and what `work` throws
 */
export async function workOnPool<Result>(
  pool: pg.Pool,
  { signal, name, mindsSignal }: WorkOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const sessions = ownSessions(pool, `${name} ${randomUUID()}`);
  const over = new AbortController();
  const working = work().finally(() => over.abort());
  const aborted = new Promise<never>((_, reject) => {
    const cutOff = async (): Promise<void> => {
      if (mindsSignal) await pause(graceMs, undefined, { signal: over.signal }).catch(() => undefined);
      if (!over.signal.aborted) await sessions.cutOff();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", () => void cutOff(), { once: true, signal: over.signal });
  });
  return await Promise.race([working, aborted]);
}
