import type pg from "pg";
import { quoteLiteral } from "./quote-literal.ts";

/** One view of the database that several connections share. */
export interface SharedSnapshot {
  readonly client: pg.PoolClient;
  /** Opens more connections that see the same; they are given back together with the first. */
  more(count: number): Promise<pg.PoolClient[]>;
}

/** Runs `work` in a repeatable-read, read-only transaction, which other connections can join. */
export async function inSharedSnapshot<Result>(
  pool: pg.Pool,
  work: (snapshot: SharedSnapshot) => Promise<Result>,
): Promise<Result> {
  const clients: pg.PoolClient[] = [];
  const ignore = (): void => undefined;
  const open = async (begin: (client: pg.PoolClient) => Promise<void>): Promise<pg.PoolClient> => {
    const client = await pool.connect();
    client.on("error", ignore);
    clients.push(client);
    await client.query("begin isolation level repeatable read read only");
    await begin(client);
    return client;
  };
  let failed = true;
  try {
    let exported = "";
    const client = await open(async (first) => {
      const { rows } = await first.query<{ id: string }>("select pg_export_snapshot() as id");
      exported = rows[0]?.id ?? "";
    });
    const join = async (joining: pg.PoolClient): Promise<void> => {
      await joining.query(`set transaction snapshot ${quoteLiteral(exported)}`);
    };
    const result = await work({
      client,
      more: (count) => Promise.all(Array.from({ length: count }, () => open(join))),
    });
    failed = false;
    return result;
  } finally {
    for (const client of clients) {
      const broken = await endTransaction(client, failed);
      client.off("error", ignore);
      client.release(broken);
    }
  }
}

/** @returns whether the connection is of no more use */
async function endTransaction(client: pg.PoolClient, failed: boolean): Promise<boolean> {
  return await client.query(failed ? "rollback" : "commit").then(
    () => false,
    () => true,
  );
}
