import type pg from "pg";
import { takeConnection } from "./connection.ts";

export type TransactionKind = "read write" | "snapshot";

/** What begins each kind; a snapshot is the same for every statement and cannot write. */
const begin: Record<TransactionKind, string> = {
  "read write": "begin isolation level read committed read write",
  snapshot: "begin isolation level repeatable read read only",
};

/**
 * Runs `work` in one transaction of a connection of its own: committed when it returns, rolled back when it
 * throws. A connection that could not be brought back to rest is closed instead of reused.
 */
export async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
  kind: TransactionKind = "read write",
): Promise<Result> {
  const { client, release } = await takeConnection(pool);
  let broken = false;
  try {
    await client.query(begin[kind]);
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    release(broken);
  }
}
