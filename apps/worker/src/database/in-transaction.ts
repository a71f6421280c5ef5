import type pg from "pg";

/** Runs `work` in one transaction on one connection; a throw rolls back, and a broken connection is not reused. */
export async function inTransaction<T>(db: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await db.connect();
  let broken: Error | undefined;
  // A connection that is lost between two queries says so by an event, which would end the process unheard.
  const lost = (error: Error): void => void (broken = error);
  client.on("error", lost);
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((cause: unknown) => (broken = cause as Error));
    throw error;
  } finally {
    client.off("error", lost);
    client.release(broken);
  }
}
