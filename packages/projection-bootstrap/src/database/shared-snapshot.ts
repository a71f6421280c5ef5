import type pg from "pg";
import { type Connection, takeConnection } from "./connection.ts";
import { quoteLiteral } from "./quote-literal.ts";

/** One view of the database that several connections share. */
export interface SharedSnapshot {
  readonly client: pg.PoolClient;
  /** Opens more connections that see the same; they are given back together with the first. */
  readonly more: (count: number) => Promise<pg.PoolClient[]>;
}

/** Runs `work` in a repeatable-read, read-only transaction, which other connections can join. */
export async function inSharedSnapshot<Result>(
  pool: pg.Pool,
  work: (snapshot: SharedSnapshot) => Promise<Result>,
): Promise<Result> {
  const connections: Connection[] = [];
  const open = async (begin: (client: pg.PoolClient) => Promise<void>): Promise<pg.PoolClient> => {
    const connection = await takeConnection(pool);
    connections.push(connection);
    const { client } = connection;
    await client.query("begin isolation level repeatable read read only");
    await begin(client);
    return client;
  };
  let failed = true;
  try {
    const client = await open(() => Promise.resolve());
    const result = await work({
      client,
      more: async (count) => {
        // Only now: most boots need no second connection, and an export is a file that the server writes.
        const { rows } = await client.query<{ id: string }>("select pg_export_snapshot() as id");
        const join = async (joining: pg.PoolClient): Promise<void> => {
          await joining.query(`set transaction snapshot ${quoteLiteral(rows[0]?.id ?? "")}`);
        };
        // All of them have begun or failed before any is given back: one that came later would stay in its transaction.
        const opened = await Promise.allSettled(Array.from({ length: count }, () => open(join)));
        return opened.map((each) => {
          if (each.status === "rejected") throw each.reason;
          return each.value;
        });
      },
    });
    failed = false;
    return result;
  } finally {
    for (const { client, release } of connections) release(await endTransaction(client, failed));
  }
}

/** @returns whether the connection is of no more use */
async function endTransaction(client: pg.PoolClient, failed: boolean): Promise<boolean> {
  return await client.query(failed ? "rollback" : "commit").then(
    () => false,
    () => true,
  );
}
