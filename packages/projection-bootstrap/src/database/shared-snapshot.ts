import type pg from "pg";
import { type Connection, takeConnection, takeSpare } from "./connection.ts";
import { quoteLiteral } from "./quote-literal.ts";

/** One view of the database that several connections share. */
export interface SharedSnapshot {
  readonly client: pg.PoolClient;
  /** Opens up to so many connections that see the same, of those that are free; given back together with the first. */
  readonly more: (count: number) => Promise<pg.PoolClient[]>;
}

const begin = "begin isolation level repeatable read read only";

/** Runs `work` in a repeatable-read, read-only transaction, which other connections can join. */
export async function inSharedSnapshot<Result>(
  pool: pg.Pool,
  work: (snapshot: SharedSnapshot) => Promise<Result>,
): Promise<Result> {
  const first = await takeConnection(pool);
  const { client } = first;
  const connections: Connection[] = [first];
  let failed = true;
  try {
    await client.query(begin);
    const result = await work({
      client,
      more: async (count) => {
        const spare = await takeSpare(pool, count);
        connections.push(...spare);
        if (spare.length === 0) return [];
        // Only now: most boots need no second connection, and an export is a file that the server writes.
        const { rows } = await client.query<{ id: string }>("select pg_export_snapshot() as id");
        const join = `set transaction snapshot ${quoteLiteral(rows[0]?.id ?? "")}`;
        const joining = spare.map(async (each) => {
          await each.client.query(begin);
          await each.client.query(join);
        });
        // All have begun or failed before any is given back: one that came later would stay in its transaction.
        for (const each of await Promise.allSettled(joining))
          if (each.status === "rejected") throw each.reason;
        return spare.map((each) => each.client);
      },
    });
    failed = false;
    return result;
  } finally {
    for (const each of connections) each.release(await endTransaction(each.client, failed));
  }
}

/** @returns whether the connection is of no more use */
async function endTransaction(client: pg.PoolClient, failed: boolean): Promise<boolean> {
  return await client.query(failed ? "rollback" : "commit").then(
    () => false,
    () => true,
  );
}
