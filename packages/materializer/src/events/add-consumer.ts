import type pg from "pg";
import { inTransaction } from "../database/in-transaction.ts";

/**
 * Makes a consumer known, once: every branch that has events is queued for it, and from then on whoever appends
 * queues for it.
 *
 * It is committed before the branches are read, and these under a lock that waits for those who were appending
 * meanwhile: whoever did not see the consumer is seen here. The lock also waits for those who have locked a branch and
 * are yet to write it; one that let them lock would have both wait for each other.
 */
export async function addConsumer(db: pg.Pool, consumer: string): Promise<void> {
  const { rows } = await db.query<{ isNew: boolean }>(
    `select not exists (select from headstart_materializer.consumers where name = $1 and queued) as "isNew"`,
    [consumer],
  );
  if (rows[0]?.isNew === false) return;
  await db.query("insert into headstart_materializer.consumers (name) values ($1) on conflict do nothing", [
    consumer,
  ]);
  await inTransaction(db, async (client) => {
    await client.query("lock table headstart_materializer.branches in exclusive mode");
    await client.query(
      `insert into headstart_materializer.consumer_queue (consumer, branch_id)
       select $1, id from headstart_materializer.branches where event_position > 0 on conflict do nothing`,
      [consumer],
    );
    await client.query("update headstart_materializer.consumers set queued = true where name = $1", [
      consumer,
    ]);
  });
}
