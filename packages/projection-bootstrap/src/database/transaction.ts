import type pg from "pg";
import { takeConnection } from "./connection.ts";

export type TransactionKind = "read write" | "snapshot";

/** What begins each kind; a snapshot is the same for every statement and cannot write. */
const begin: Record<TransactionKind, string> = {
  "read write": "begin isolation level read committed read write",
  snapshot: "begin isolation level repeatable read read only",
};

/** Runs `work` in one transaction of a connection that is held: committed when it returns, rolled back when it throws. */
export async function transactionOn<Client extends pg.ClientBase, Result>(
  client: Client,
  work: (client: Client) => Promise<Result>,
  kind: TransactionKind = "read write",
): Promise<Result> {
  try {
    await client.query(begin[kind]);
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    // A connection that cannot even do this is of no more use to whoever holds it, which its next statement tells.
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/**
 * Runs `work` in one transaction of a connection of its own. A connection that could not be brought back to rest is
 * closed instead of reused.
 */
export async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
  kind: TransactionKind = "read write",
): Promise<Result> {
  const { client, release } = await takeConnection(pool);
  let broken = false;
  try {
    return await transactionOn(client, work, kind);
  } catch (error) {
    broken = await client.query("select").then(
      () => false,
      () => true,
    );
    throw error;
  } finally {
    release(broken);
  }
}
