import type pg from "pg";
import { inTransaction } from "../database/in-transaction.ts";
import { callback, options, text, wholeNumber } from "../options/allowed.ts";
import { checkOptions } from "../options/check-options.ts";
import { versionUpdated, type VersionUpdated } from "../requests/messages.ts";
import { addConsumer } from "./add-consumer.ts";

export type EventHandler = (message: VersionUpdated, transaction: pg.ClientBase) => Promise<void>;

interface Consuming {
  readonly consumer: string;
  readonly handler: EventHandler;
  /** Events at most. */
  readonly limit: number;
}

const consumeOptions = options({ consumer: text(), handler: callback, limit: wholeNumber(1).optional() });

/**
 * Hands a consumer the events it has not had: for each branch in order and without a gap, across branches in no
 * order. What the handler does with `transaction` commits together with the consumer's position, exactly once; an
 * effect elsewhere may be repeated after a crash. Processes that run the same consumer share its branches.
 *
 * A consumer that is deleted meanwhile has nothing more to read; the next call begins with what is left of the log.
 *
 * @returns how many events were handled; 0 means that the consumer has them all.
 * @throws what the handler throws; that event and those after it of its branch stay unread, and other branches go
 *   before it in the next call. MaterializerError `OPTION_INVALID`.
 */
export async function consumeEvents(
  db: pg.Pool,
  given: Pick<Consuming, "consumer" | "handler"> & { limit?: number },
): Promise<number> {
  checkOptions("consume", consumeOptions, given);
  const { consumer, handler, limit = 100 } = given;
  await addConsumer(db, consumer);
  let handled = 0;
  while (handled < limit) {
    const read = await consumeBranch(db, { consumer, handler, limit: limit - handled });
    if (read === undefined) return handled;
    handled += read;
  }
  return handled;
}

/** @returns undefined when no branch is queued that nobody else has. */
async function consumeBranch(db: pg.Pool, consuming: Consuming): Promise<number | undefined> {
  let branchId: string | undefined;
  try {
    return await inTransaction(db, async (client) => {
      branchId = await takeBranch(client, consuming.consumer);
      return branchId === undefined ? undefined : await readBranch(client, branchId, consuming);
    });
  } catch (error) {
    // To the end of the queue, lest one branch keep all others from being read.
    if (branchId !== undefined) await queueAgain(db, consuming.consumer, branchId).catch(() => undefined);
    throw error;
  }
}

/** Whoever deletes the consumer is waited for, or waits: it is locked first, as a deletion does. */
async function takeBranch(client: pg.ClientBase, consumer: string): Promise<string | undefined> {
  const { rows } = await client.query<{ branchId: string }>(
    `select q.branch_id::text as "branchId" from headstart_materializer.consumer_queue q
     join headstart_materializer.consumers c on c.name = q.consumer
     where q.consumer = $1 order by q.since, q.branch_id limit 1
     for key share of c for update of q skip locked`,
    [consumer],
  );
  return rows[0]?.branchId;
}

async function readBranch(
  client: pg.ClientBase,
  branchId: string,
  { consumer, handler, limit }: Consuming,
): Promise<number> {
  const { rows } = await client.query<{ position: string; message: unknown }>(
    `select e.position::text, e.message from headstart_materializer.events e
     where e.branch_id = $2 and e.position > coalesce(
       (select p.position from headstart_materializer.consumer_positions p
        where p.consumer = $1 and p.branch_id = $2), 0)
     order by e.position limit $3`,
    [consumer, branchId, limit],
  );
  for (const { message } of rows) await handler(versionUpdated.parse(message), client);
  const last = rows.at(-1)?.position;
  if (last !== undefined) {
    await client.query(
      `insert into headstart_materializer.consumer_positions (consumer, branch_id, position) values ($1, $2, $3)
       on conflict (consumer, branch_id) do update set position = excluded.position`,
      [consumer, branchId, last],
    );
  }
  await leaveQueue(client, consumer, branchId);
  return rows.length;
}

/** Takes a branch out of the queue if everything of it is read. Whoever appends to it waits, or is seen here. */
async function leaveQueue(client: pg.ClientBase, consumer: string, branchId: string): Promise<void> {
  await client.query("select from headstart_materializer.branches where id = $1 for share", [branchId]);
  const { rowCount } = await client.query(
    `delete from headstart_materializer.consumer_queue q
     using headstart_materializer.branches b
     where q.consumer = $1 and q.branch_id = $2 and b.id = $2 and b.event_position <= coalesce(
       (select p.position from headstart_materializer.consumer_positions p
        where p.consumer = $1 and p.branch_id = $2), 0)`,
    [consumer, branchId],
  );
  if (rowCount === 0) await queueAgain(client, consumer, branchId);
}

async function queueAgain(
  db: Pick<pg.ClientBase, "query">,
  consumer: string,
  branchId: string,
): Promise<void> {
  await db.query(
    `update headstart_materializer.consumer_queue set since = clock_timestamp()
     where consumer = $1 and branch_id = $2`,
    [consumer, branchId],
  );
}
