import type pg from "pg";
import { inTransaction } from "../database/in-transaction.ts";
import { versionUpdated, type VersionUpdated } from "../requests/messages.ts";

export type EventHandler = (message: VersionUpdated, transaction: pg.ClientBase) => Promise<void>;

/**
 * Hands a consumer the events it has not had: for each branch in order and without a gap, across branches in no
 * order. What the handler does with `transaction` commits together with the consumer's position, exactly once; an
 * effect elsewhere may be repeated after a crash. Processes that run the same consumer share its branches.
 *
 * @returns how many events were handled; 0 means that the consumer has them all.
 * @throws what the handler throws; that event and those after it of its branch stay unread.
 */
export async function consumeEvents(
  db: pg.Pool,
  { consumer, handler, limit = 100 }: { consumer: string; handler: EventHandler; limit?: number },
): Promise<number> {
  await db.query(
    `insert into headstart_materializer.consumer_positions (consumer, branch_id, position)
     select $1, b.id, 0 from headstart_materializer.branches b
     where b.event_position > 0 and not exists (
       select from headstart_materializer.consumer_positions p where p.consumer = $1 and p.branch_id = b.id)
     on conflict do nothing`,
    [consumer],
  );
  let handled = 0;
  while (handled < limit) {
    const read = await consumeBranch(db, { consumer, handler, limit: limit - handled });
    if (read === 0) return handled;
    handled += read;
  }
  return handled;
}

async function consumeBranch(
  db: pg.Pool,
  { consumer, handler, limit }: { consumer: string; handler: EventHandler; limit: number },
): Promise<number> {
  return await inTransaction(db, async (client) => {
    const { rows: positions } = await client.query<{ branchId: string; position: string }>(
      `select p.branch_id::text as "branchId", p.position::text
       from headstart_materializer.consumer_positions p
       join headstart_materializer.branches b on b.id = p.branch_id and b.event_position > p.position
       where p.consumer = $1 order by p.branch_id limit 1 for update of p skip locked`,
      [consumer],
    );
    const place = positions[0];
    if (place === undefined) return 0;
    const { rows } = await client.query<{ message: unknown }>(
      `select message from headstart_materializer.events
       where branch_id = $1 and position > $2 order by position limit $3`,
      [place.branchId, place.position, limit],
    );
    for (const { message } of rows) await handler(versionUpdated.parse(message), client);
    await client.query(
      `update headstart_materializer.consumer_positions set position = position + $3
       where consumer = $1 and branch_id = $2`,
      [consumer, place.branchId, rows.length],
    );
    return rows.length;
  });
}
