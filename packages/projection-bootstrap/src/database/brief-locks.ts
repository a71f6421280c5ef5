import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { inTransaction } from "./transaction.ts";

/**
 * Milliseconds that a transaction waits for each lock that holds up others: at first, and at most. Everybody who wants
 * the lock later waits behind it, so between two attempts it leaves them three times as long.
 */
export const lockMs = { first: 50, longest: 1000, rest: 3 };

/** Bounds how long the present transaction waits for each of its locks. */
export async function boundLocks(client: pg.ClientBase, ms: number): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, true)", [`${ms}ms`]);
}

/** Whether a statement gave up on a lock. */
export function isLockTimeout(error: unknown): boolean {
  return (error as { code?: unknown }).code === lockNotAvailable;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const lockNotAvailable = "55P03";

/**
 * Runs `work` in one transaction, again and again until it gets all of its locks soon.
 *
 * @throws the signal's reason when it aborts between two attempts
 */
export async function inBriefLocks<Result>(
  pool: pg.Pool,
  work: (client: pg.ClientBase) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (let wait = lockMs.first; ; wait = Math.min(wait * 2, lockMs.longest)) {
    try {
      return await inTransaction(pool, async (client) => {
        await boundLocks(client, wait);
        return await work(client);
      });
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
    }
    await delay(wait * lockMs.rest, undefined, { signal });
  }
}
