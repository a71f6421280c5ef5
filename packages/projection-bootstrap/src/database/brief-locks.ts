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
 * Runs `attempt` again and again until it gets all of its locks within the milliseconds that it is given.
 *
 * @throws the signal's reason when it aborts between two attempts
 */
export async function briefly<Result>(
  attempt: (ms: number) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (let ms = lockMs.first; ; ms = Math.min(ms * 2, lockMs.longest)) {
    try {
      return await attempt(ms);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
    }
    await delay(ms * lockMs.rest, undefined, { signal });
  }
}

/** Runs `work` in one transaction, which is begun anew until it gets all of its locks soon. See {@link briefly}. */
export async function inBriefLocks<Result>(
  pool: pg.Pool,
  work: (client: pg.ClientBase) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const attempt = async (ms: number): Promise<Result> =>
    await inTransaction(pool, async (client) => {
      await boundLocks(client, ms);
      return await work(client);
    });
  return await briefly(attempt, signal);
}
